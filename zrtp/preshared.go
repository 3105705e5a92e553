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

// presharedBy sets preshared_key and the secrets that it rests on.
func (s *Session) presharedBy(aux, pbx Secret) {
	own := &s.ex.shared
	own.s1, own.s2, own.s3 = own.own[0], aux, pbx
	s.ex.preKey = presharedKey(s.ex.alg.Hash, own.s1, aux, pbx)
}

// canPreshare: "If rs1 is not available in the initiator's cache, then Preshared mode MUST NOT be used."
func (s *Session) canPreshare(p *peer) bool {
	r, ok := s.lookup(p.zid)
	return ok && len(r.RS1) != 0 && p.ka.has(uint32(KeyAgreementPrsh)) && s.ours.ka.has(uint32(KeyAgreementPrsh))
}

// findPreshared looks for the initiator's preshared_key among ours, "dropping auxsecret, pbxsecret, or both from the hash
// calculation, until a matching preshared_key is found or it runs out of possibilities. Note that rs2 is not included".
func (s *Session) findPreshared() bool {
	aux, pbx := s.ex.shared.own[2], s.ex.shared.own[3]
	if s.ex.shared.own[0] == nil {
		return false
	}
	for _, try := range [...][2]Secret{{aux, pbx}, {nil, pbx}, {aux, nil}, {nil, nil}} {
		s.presharedBy(try[0], try[1])
		if equal(keyID(s.ex.alg.Hash, s.ex.preKey), s.ex.offer.keyID) {
			return true
		}
		s.ex.preKey.Wipe()
	}
	s.ex.shared.s1, s.ex.shared.s2, s.ex.shared.s3 = nil, nil, nil
	return false
}
