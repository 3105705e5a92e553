package onion

import (
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
)

// Config is what Start needs. It is fixed.
type Config struct {
	Dir     string // ours alone; made when missing. Guards and the view of the network stay here across restarts
	Amnesic bool   // forget guards and all: what is in Dir is removed at Start and at Close. Let Dir be on a tmpfs then

	Bridges    []string          // lines as a person gets them: "obfs4 192.0.2.1:443 FINGERPRINT cert=..."; none: direct
	Transports map[string]string // pluggable transports by name, as "obfs4": path of the program

	User   uint32                                            // the child's own uid and gid; 0: ours. Needs root
	Given  bool                                              // who may has made the folders, and User's group is one of ours
	Extra  []string                                          // further lines of configuration, as a private network's authorities
	Log    io.Writer                                         // Tor's warnings; nil: nowhere
	Launch func(torrc string, log io.Writer) (*Child, error) // nil: this binary again (Exec). PID 1 may do it for us
}

// Child is a running Tor.
type Child struct {
	Control   io.ReadWriteCloser // its owning control connection: Tor ends with it
	Interrupt func() error       // kills it
	Wait      func() error       // returns when it is gone; called once
}

// Places below Config.Dir.
const (
	dataDir   = "data"   // Tor's own
	socksDir  = "socks"  // Tor makes the socket in it
	targetDir = "target" // our sockets, which Tor connects to
	socksName = "s"
)

// maxPath is how long the path of a Unix socket can be, less its terminating zero (unix(7), sun_path).
const maxPath = 107

func (c Config) socks() string { return filepath.Join(c.Dir, socksDir, socksName) }

// check refuses what would change the meaning of a line or could not work.
func (c Config) check() error {
	if !filepath.IsAbs(c.Dir) || strings.ContainsAny(c.Dir, " \t\r\n\"\\#") {
		return fmt.Errorf("%w: the folder must be absolute, without spaces and quotes", ErrConfig)
	}
	if n := len(filepath.Join(c.Dir, targetDir, "99-65535")); n > maxPath {
		return fmt.Errorf("%w: the folder's name is %d octets too long for a socket", ErrConfig, n-maxPath)
	}
	words := append(append([]string(nil), c.Bridges...), c.Extra...)
	for name, path := range c.Transports {
		words = append(words, name, path)
		if strings.ContainsAny(name+path, " \t") {
			return fmt.Errorf("%w: a transport's name or path has a space", ErrConfig)
		}
	}
	for _, w := range words {
		if strings.ContainsAny(w, "\r\n\x00") {
			return fmt.Errorf("%w: a line has a line break", ErrConfig)
		}
	}
	for _, b := range c.Bridges {
		name, _, _ := strings.Cut(strings.TrimPrefix(b, "Bridge "), " ")
		if _, err := netip.ParseAddrPort(name); err != nil && c.Transports[name] == "" {
			return fmt.Errorf("%w: no program for the transport %q of a bridge", ErrConfig, name)
		}
	}
	return nil
}

// torrc is Tor's whole configuration; it goes to Tor by its standard input and never to disk.
func (c Config) torrc() string {
	socks := `SocksPort unix:"` + c.socks() + `" IsolateSOCKSAuth ExtendedErrors OnionTrafficOnly`
	if c.User != 0 {
		socks += " GroupWritable RelaxDirModeCheck"
	}
	lines := []string{
		"DataDirectory " + filepath.Join(c.Dir, dataDir),
		socks,
		"ClientOnly 1",
		"AvoidDiskWrites 1",
		"DormantTimeoutEnabled 0", // a telephone that sleeps does not ring
		"Log warn stdout",
		"SafeLogging 1",
	}
	if len(c.Transports) == 0 { // Tor's sandbox forbids to start programs
		lines = append(lines, "Sandbox 1")
	}
	if len(c.Bridges) > 0 {
		lines = append(lines, "UseBridges 1")
	}
	for _, b := range c.Bridges {
		lines = append(lines, "Bridge "+strings.TrimPrefix(b, "Bridge "))
	}
	for name, path := range c.Transports {
		lines = append(lines, "ClientTransportPlugin "+name+" exec "+path)
	}
	return strings.Join(append(lines, c.Extra...), "\n") + "\n"
}
