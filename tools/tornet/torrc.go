package tornet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// torrc is a node's configuration. The votes come as fast as Tor's code allows, so that a consensus is there after some
// seconds instead of hours (tor(1), TestingTorNetwork).
func (n *Network) torrc(m *node) string {
	lines := append(n.Torrc(),
		"DataDirectory "+m.dir,
		"Nickname "+m.name,
		"ContactInfo "+m.name+"@invalid",
		"Address 127.0.0.1",
		"AssumeReachable 1",
		"SocksPort 0",
		"ShutdownWaitLength 0",
		"Log notice file "+filepath.Join(m.dir, "notice.log"),
		fmt.Sprintf("__OwningControllerProcess %d", os.Getpid()),
	)
	if m.inner == 0 {
		lines = append(lines, fmt.Sprintf("ORPort 127.0.0.1:%d", m.orPort))
	} else {
		lines = append(lines, fmt.Sprintf("ORPort 127.0.0.1:%d NoListen", m.orPort),
			fmt.Sprintf("ORPort 127.0.0.1:%d NoAdvertise", m.inner))
	}
	if !m.authority {
		return strings.Join(append(lines, "ExitRelay 1", "ExitPolicyRejectPrivate 0", "ExitPolicy accept 127.0.0.0/8:*",
			"ExitPolicy reject *:*"), "\n") + "\n"
	}
	return strings.Join(append(lines,
		fmt.Sprintf("DirPort 127.0.0.1:%d", m.dirPort),
		"ExitPolicy reject *:*",
		"AuthoritativeDirectory 1",
		"V3AuthoritativeDirectory 1",
		"V3AuthNIntervalsValid 2",
		"TestingDirAuthVoteExit *",
		"TestingDirAuthVoteHSDir *",
		"TestingDirAuthVoteGuard *",
		"TestingMinExitFlagThreshold 0",
		"TestingV3AuthInitialVotingInterval 5",
		"TestingV3AuthInitialVoteDelay 2",
		"TestingV3AuthInitialDistDelay 2",
		"V3AuthVotingInterval 10",
		"V3AuthVoteDelay 2",
		"V3AuthDistDelay 2",
	), "\n") + "\n"
}
