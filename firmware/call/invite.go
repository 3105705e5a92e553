package call

// inviteLine is how many symbols of an invitation stand in a line.
const inviteLine = 16

// showInvitation shows an address with its key, for a person to whom nobody else may listen: whoever reads it can find the
// telephone, though not pass for anybody.
func (m *Machine) showInvitation(address string) {
	if m.state() != Listing { // whoever asked for it has gone on to something else
		return
	}
	var lines []string
	for rest := address; rest != ""; {
		n := min(inviteLine, len(rest))
		lines, rest = append(lines, rest[:n]), rest[n:]
	}
	m.open(&page{state: Reading, title: "invite", lines: lines, qr: address})
}
