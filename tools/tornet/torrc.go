package tornet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// torrc is a node's configuration. The votes come as fast as Tor's code allows, so that a consensus is there after some
// seconds instead of hours (tor(1), TestingTorNetwork). Each node makes differences from every older consensus to each new
// one: without a limit to their age, this network's own work grows until it takes the machine after four minutes.
func (n *Network) torrc(m *node) string {
	lines := append(n.Torrc(),
		"DataDirectory "+m.dir,
		"Nickname "+m.name,
		"ContactInfo "+m.name+"@invalid",
		"Address 127.0.0.1",
		"AssumeReachable 1",
		"MaxConsensusAgeForDiffs 30 seconds",
		"SocksPort 0",
		"ExitRelay 0", // nobody leaves this network, and so no relay asks for names
		"ExitPolicy reject *:*",
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
		return strings.Join(lines, "\n") + "\n"
	}
	return strings.Join(append(lines,
		fmt.Sprintf("DirPort 127.0.0.1:%d", m.dirPort),
		"AuthoritativeDirectory 1",
		"V3AuthoritativeDirectory 1",
		"V3AuthNIntervalsValid 2",
		"TestingDirAuthVoteHSDir *",
		"TestingDirAuthVoteGuard *",
		"TestingV3AuthInitialVotingInterval 5",
		"TestingV3AuthInitialVoteDelay 2",
		"TestingV3AuthInitialDistDelay 2",
		"V3AuthVotingInterval 10",
		"V3AuthVoteDelay 2",
		"V3AuthDistDelay 2",
	), "\n") + "\n"
}
