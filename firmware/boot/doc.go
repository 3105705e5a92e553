// Package boot is the first process: it mounts, waits for true randomness, closes the doors, and starts the handset's few
// processes, each in a cell of its own.
//
// It promises that no process that meets the network or a person runs as root; that none of them can start a program,
// open a packet socket (but for the radio's) or write outside its folder; that a child which dies is started again, and a system that keeps
// dying falls back to the other slot and says so; and that the root file system cannot be written.
//
// It never starts a shell, a getty or anything that is not this very binary, but for wpa_supplicant, while a Wi-Fi is
// wanted. It cannot protect what a child itself holds.
package boot

// Places in the file system of the image.
const (
	runDir     = "/run/sotto"          // what processes tell each other; gone at power-off
	linkDir    = "/run/link"           // written by the link's process alone
	linkFile   = linkDir + "/status"   // a JSON Status of net/link
	resolvConf = linkDir + "/resolver" // where /etc/resolv.conf points to
	dataDir    = "/data"               // the data partition
	phoneDir   = dataDir + "/phone"    // the telephone's own folder
	bootDir    = dataDir + "/boot"     // what boot remembers
	keepDir    = dataDir + "/update"   // what firmware/update remembers
	keyDir     = "/lib/sotto/keys"     // the owner's public keys, of the image
	selectDir  = "/run/select"         // the partition with autoboot.txt, while it is mounted
	template   = "/lib/sotto/data.tpl" // blocks of an empty file system
	self       = "/init"
)

// Names that a process of the handset has, as argv[0].
const (
	linkName  = "link"
	phoneName = "phone"
	torName   = "tor"    // of its cell: net/onion names the process
	keepName  = "keeper" // writes updates into the slot that does not run
	radioName = "radio"  // becomes wpa_supplicant
)

// Users. No two processes share one.
const (
	phoneUser = 1000
	linkUser  = 1001
	torUser   = 1002
	keepUser  = 1003
	radioUser = 1004
)
