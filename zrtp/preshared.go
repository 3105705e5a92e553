package zrtp

// Preshared mode (RFC 6189, Section 4.4.2).

// presharedKey = hash(len(rs1) || rs1 || len(auxsecret) || auxsecret || len(pbxsecret) || pbxsecret).
func presharedKey(h Hash, rs1, aux, pbx Secret) Secret {
	d := h.new()()
	for _, secret := range [...]Secret{rs1, aux, pbx} {
		lengthPrefixed(d, secret)
	}
	return d.Sum(nil)
}

func keyID(h Hash, key Secret) []byte { return mac(h, key, []byte("Prsh"))[:keyIDSize] }

// canPreshare: "If rs1 is not available in the initiator's cache, then Preshared mode MUST NOT be used."
func (s *Session) canPreshare(p *peer) bool {
	r, ok := s.lookup(p.zid)
	return ok && len(r.RS1) != 0 && p.ka.has(uint32(KeyAgreementPrsh)) && s.ours.ka.has(uint32(KeyAgreementPrsh))
}

// findPreshared looks for the initiator's preshared_key among ours, "dropping auxsecret, pbxsecret, or both from the hash
// calculation, until a matching preshared_key is found or it runs out of possibilities. Note that rs2 is not included".
func (s *Session) findPreshared() bool {
	rs1, aux, pbx := s.ex.shared.own[0], s.ex.shared.own[2], s.ex.shared.own[3]
	if rs1 == nil {
		return false
	}
	for _, try := range [...][2]Secret{{aux, pbx}, {nil, pbx}, {aux, nil}, {nil, nil}} {
		key := presharedKey(s.ex.alg.Hash, rs1, try[0], try[1])
		if equal(keyID(s.ex.alg.Hash, key), s.ex.offer.keyID) {
			s.ex.preKey = key
			s.ex.shared.s1, s.ex.shared.s2, s.ex.shared.s3 = rs1, try[0], try[1]
			return true
		}
		key.Wipe()
	}
	return false
}
