package zrtp

import "io"

// Matching shared secrets (RFC 6189, Section 4.3). The order is that of the DHPart messages: rs1, rs2, auxsecret,
// pbxsecret.

var idLabels = [...]string{Initiator: "Initiator", Responder: "Responder"}

// shared holds what we know when an exchange begins and, after the DHParts, what both sides know.
type shared struct {
	own        [4]Secret // nil where there is none
	s1, s2, s3 Secret    // matched secrets, nil for null
}

// ids are the identifiers of our secrets as the party of role would send them; h3 is that party's H3. Missing secrets
// stay zero.
func (s *shared) ids(h Hash, role Role, h3 []byte) (ids secretIDs) {
	label := []byte(idLabels[role])
	for i, secret := range s.own {
		if secret == nil {
			continue
		}
		data := label
		if i == 2 {
			data = h3 // auxsecretIDr = MAC(auxsecret, Responder's H3)
		}
		copy(ids[i][:], mac(h, secret, data))
	}
	return ids
}

// send gives the identifiers for our own DHPart: "If no secret of a given type is available, a random value is generated
// and used for that secret ... This prevents an eavesdropper from knowing which types of shared secrets are available".
func (s *shared) send(h Hash, role Role, h3 []byte, rand io.Reader) (secretIDs, error) {
	ids := s.ids(h, role, h3)
	var random [4 * macSize]byte
	n := 0
	for _, secret := range s.own {
		if secret == nil {
			n++
		}
	}
	fresh := random[:n*macSize]
	if _, err := io.ReadFull(rand, fresh); err != nil {
		return ids, err
	}
	for i, secret := range s.own {
		if secret == nil {
			copy(ids[i][:], fresh)
			fresh = fresh[macSize:]
		}
	}
	return ids, nil
}

// match sets s1, s2, s3 from the peer's identifiers. theirs is the peer's role, h3 the peer's H3.
func (s *shared) match(h Hash, theirs Role, h3 []byte, got *secretIDs) {
	want := s.ids(h, theirs, h3)
	same := func(ours, peer int) bool { return s.own[ours] != nil && equal(want[ours][:], got[peer][:]) }
	// "If the initiator's rs1 matches the responder's rs1 or rs2, then s1 MUST be set to the initiator's rs1. If and only
	// if that match fails, then if the initiator's rs2 matches the responder's rs1 or rs2, then s1 MUST be set to the
	// initiator's rs2." So the initiator's secrets are the outer loop.
	for i := range 2 {
		for r := range 2 {
			ours, peer := i, r // we are the initiator
			if theirs == Initiator {
				ours, peer = r, i
			}
			if s.s1 == nil && same(ours, peer) {
				s.s1 = s.own[ours]
			}
		}
	}
	if same(2, 2) {
		s.s2 = s.own[2]
	}
	if same(3, 3) {
		s.s3 = s.own[3]
	}
}

// srtpSecret is srtps, made of an SRTP master key and salt that the signaling carried (RFC 6189, Section 8.2).
func srtpSecret(h Hash, sdes *SDES, zidI, zidR ZID) Secret {
	context := append(append(append([]byte(nil), zidI[:]...), zidR[:]...), sdes.Salt...)
	return newKDF(h, sdes.Key, context).derive("SRTP Secret", 32)
}
