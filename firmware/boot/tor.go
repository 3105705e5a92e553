package boot

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"sotto/net/onion"
)

// Tor runs as a user of its own, and only it may: the telephone asks PID 1 for it by a socket, and gets its control
// connection. The two share folders, not memory:
//
//	/data/tor         telephone's, Tor's group passes through
//	/data/tor/data    Tor's alone
//	/data/tor/socks   Tor's; the telephone, a member of Tor's group, connects to the socket in it
//	/data/tor/target  telephone's; what it listens on there gets Tor's group, and Tor connects to it
const (
	torDir    = dataDir + "/tor"
	torSocket = runDir + "/tor"
)

// torFolders are the folders above, in the order in which they are made.
var torFolders = []folder{
	{torDir, phoneUser, torUser, 0o710},
	{torDir + "/data", torUser, torUser, 0o700},
	{torDir + "/socks", torUser, torUser, 0o750},
	{torDir + "/target", phoneUser, torUser, 0o710 | os.ModeSetgid},
}

// wantsTor tells whether the owner wrote sotto.tor=1 on the card: until then the telephone tells nobody that it is there.
func wantsTor(options map[string]string) bool { return onion.Linked() != "" && options["tor"] == "1" }

// startTor waits for a telephone that wants Tor.
func startTor(options map[string]string) error {
	if !wantsTor(options) {
		return nil
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: torSocket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	if err := errors.Join(os.Chown(torSocket, phoneUser, phoneUser), os.Chmod(torSocket, 0o600)); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	go func() {
		if err := onion.Broker(l, launchTor, os.Stderr); err != nil {
			say("%v", err)
		}
	}()
	return nil
}

// launchTor starts Tor in its cell; Tor itself adds the filter of system calls.
func launchTor(torrc string, log io.Writer) (child *onion.Child, err error) {
	launch := onion.Exec(torUser)
	err = inCell(torName, func() error {
		child, err = launch(torrc, log)
		return err
	})
	return child, err
}

// onionConfig is what the telephone gives to onion.Start; its Dir is empty when there shall be no Tor.
func onionConfig(options map[string]string) onion.Config {
	if !wantsTor(options) {
		return onion.Config{}
	}
	return onion.Config{Dir: torDir, User: torUser, Given: true, Launch: onion.Brokered(torSocket)}
}

// torPlaces is all that Tor may touch: its folders, and what the kernel tells of this process.
func torPlaces() []place {
	return []place{
		{self, readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE}, {"/dev/null", nodeRights}, {"/dev/urandom", readRights},
		{"/proc", readRights}, {filepath.Join(torDir, "data"), writeRights},
		{filepath.Join(torDir, "socks"), writeRights | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK},
	}
}
