// Package archtest is the import table of DESIGN.md as a test: who may know whom, which rooms are pure, which names are
// not given to packages. It promises to read every Go file of the tree, whatever its build tags, on each run.
package archtest

// A rule says what the packages below one folder may import. The longest matching folder wins.
type rule struct {
	room     string   // folder, relative to the module
	module   []string // folders of this module that it may import, besides what lies below itself
	outside  []string // import path prefixes from outside the standard library
	pure     bool     // no clock, no goroutine, no operating system
	cgo      bool     // import "C" is allowed
	because  string
	noStd    []string // standard library packages refused, with what lies below them
	testOnly []string // folders that tests of this room may import besides
}

var impure = []string{"net", "os", "log", "os/exec", "syscall"}

// rules is the table. A room that is not listed may not exist.
var rules = []rule{
	{room: "zrtp", outside: []string{"filippo.io/bigmod", "github.com/cloudflare/circl"}, pure: true, noStd: impure,
		because: "who we are talking to is decided by pure code only"},
	{room: "codec", because: "the codec knows no chip, no socket, no key"},
	{room: "codec/jitter", pure: true, noStd: impure, testOnly: []string{"net/netem"}, because: "time is an argument"},
	{room: "codec/opus", module: []string{"codec"}, outside: []string{"github.com/hraban/opus"}, cgo: true,
		because: "the only importer of libopus"},
	{room: "codec/echo", module: []string{"codec"}, cgo: true, because: "the only importer of libspeexdsp"},
	{room: "hal", outside: []string{"periph.io/x/conn", "golang.org/x/sys"}, because: "drivers know chips, nothing else"},
	{room: "net", module: []string{"net"}, outside: []string{"github.com/pion/", "golang.org/x/"},
		because: "the wire knows no call, no key agreement and no chip"},
	{room: "net/netem", pure: true, noStd: impure, because: "impairment is a value"},
	{room: "net/rtpmux", pure: true, noStd: impure, because: "first bytes are judged without side effects"},
	{room: "net/signaling/sipua", module: []string{"net"}, outside: []string{"github.com/emiago/sipgo",
		"github.com/pion/", "golang.org/x/net/dns/dnsmessage"}, because: "the only importer of sipgo"},
	{room: "net/onion", module: []string{"net"}, outside: []string{"github.com/cretz/bine", "golang.org/x/"}, cgo: true,
		because: "the only importer of bine"},
	{room: "net/link", module: []string{"net"}, outside: []string{"github.com/vishvananda/netlink",
		"github.com/insomniacslk/dhcp", "golang.org/x/sys"}, because: "the only importer of netlink"},
	{room: "net/clock", outside: []string{"github.com/beevik/"}, because: "the only importer of ntp and nts"},
	{room: "net/firewall", module: []string{"net"}, outside: []string{"github.com/google/nftables", "golang.org/x/sys"},
		because: "the only importer of nftables"},
	{room: "firmware/call", pure: true, noStd: impure, because: "what the phone does next is decided by pure code only"},
	{room: "firmware/ui", module: []string{"firmware/call", "hal"}, outside: []string{"golang.org/x/image", "rsc.io/qr"},
		pure: true, noStd: []string{"net", "log", "os/exec", "syscall", "os"}, because: "a screen is a function of a snapshot"},
	{room: "firmware/media", module: []string{"codec", "hal", "zrtp"}, outside: []string{"github.com/pion/rtp",
		"github.com/pion/rtcp", "golang.org/x/sys"}, testOnly: []string{"net"}, because: "the voice joins three rooms, the wire comes in by its own interfaces"},
	{room: "firmware/phonebook", module: []string{"zrtp", "firmware/vault"}, outside: []string{"filippo.io/age"},
		because: "trust belongs to a ZID"},
	{room: "firmware/messages", module: []string{"zrtp", "firmware/vault"}, pure: true, noStd: impure, because: "a text is sealed by the ratchet and kept by the vault"},
	{room: "firmware/vault", outside: []string{"golang.org/x/crypto", "golang.org/x/sys"}, because: "one sealed file, no other knowledge"},
	{room: "firmware/boot", module: []string{"net", "hal", "board"}, outside: []string{"golang.org/x/sys"}, because: "PID 1 knows the board and the link"},
	{room: "firmware/update", module: []string{"firmware/vault"}, outside: []string{"golang.org/x/"}, because: "images are data until they are verified"},
	{room: "firmware/spoken", module: []string{"codec"}, because: "a code is said from what is in the program"},
	{room: "firmware/provision", module: []string{"firmware/update"}, outside: []string{"filippo.io/age"}, because: "a set-up is data until it is verified"},
	{room: "firmware/phone", module: []string{"firmware", "hal", "codec", "zrtp", "net"}, outside: []string{"github.com/pion/rtp", "golang.org/x/sys"},
		because: "the composition root"},
	{room: "firmware/handset", module: []string{"firmware", "board", "hal", "net"}, because: "the roof starts things and decides nothing"},
	{room: "board", module: []string{"hal"}, outside: []string{"periph.io/x/", "golang.org/x/sys"}, because: "which chips are really there"},
	{room: "tools", module: []string{""}, outside: []string{"github.com/", "golang.org/x/", "periph.io/x/", "filippo.io/"},
		because: "tools may know everything"},
}

// onlyIn names modules that have one importer, or a few, in the whole repository.
var onlyIn = map[string][]string{
	"github.com/hraban/opus":         {"codec/opus"},
	"github.com/cretz/bine":          {"net/onion"},
	"github.com/emiago/sipgo":        {"net/signaling/sipua", "tools/peers"},
	"github.com/beevik/ntp":          {"net/clock"},
	"github.com/beevik/nts":          {"net/clock"},
	"github.com/google/nftables":     {"net/firewall"},
	"github.com/vishvananda/netlink": {"net/link", "tools/hil"},
}

// badNames are package names that would need an alias somewhere or say nothing.
var badNames = []string{
	"util", "utils", "common", "helpers", "helper", "misc", "base", "shared",
	"net", "errors", "time", "sync", "rand", "crypto", "io", "log", "http", "image", "hash", "sort", "strings", "bytes",
	"srtp", "rtp", "rtcp", "ice", "stun", "turn", "sdp", "dtls", "sip", "sipgo",
}

// Limits of size: about 400 lines a file and 60 a function are the habit; these are the walls.
const (
	maxFileLines     = 450
	maxFunctionLines = 80
)
