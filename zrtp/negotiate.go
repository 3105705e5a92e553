package zrtp

// Algorithm negotiation (RFC 6189, Section 4.1.2). Both Hellos come as consumeHello gives them, with the mandatory
// algorithms added.

// common is the part of ours that theirs has too, in our order.
func common(ours, theirs *blocks) (l blocks) {
	for _, v := range ours.v[:ours.n] {
		if theirs.has(v) {
			l.add(v)
		}
	}
	return l
}

// negotiateKA gives the key agreement type that both sides arrive at: "Each endpoint compares the first item on their
// own list with the first item on the other endpoint's list and SHOULD choose the faster of the two algorithms."
func negotiateKA(ours, theirs *hello) KeyAgreement {
	longHash := common(&ours.hashes, &theirs.hashes).long() != 0
	first := func(a, b *hello) int {
		for _, v := range a.ka.v[:a.ka.n] {
			k := KeyAgreement(v)
			// EC38 needs a 384-bit hash (Section 5.1.5); "Mult" and "Prsh" have no rank.
			if b.ka.has(v) && k.rank() >= 0 && (k != KeyAgreementEC38 || longHash) {
				return k.rank()
			}
		}
		return KeyAgreementDH3k.rank()
	}
	return groups[min(first(ours, theirs), first(theirs, ours))].ka
}

// long is the first 384-bit hash of a list, 0 if there is none.
func (l blocks) long() Hash {
	for _, v := range l.v[:l.n] {
		if Hash(v).size() == 48 {
			return Hash(v)
		}
	}
	return 0
}

// negotiate makes the initiator's choice: key agreement by the rule, the rest by our preference. Only for the hash, where
// all that we offer are good, the responder's preference counts: libbzrtp 5.1 makes its secret IDs with the hash that its
// own Commit named even after that Commit lost, and would see a cache mismatch where there is none.
func negotiate(ours, theirs *hello) Algorithms {
	hashes, ciphers := common(&theirs.hashes, &ours.hashes), common(&ours.ciphers, &theirs.ciphers)
	tags, sas := common(&ours.tags, &theirs.tags), common(&ours.sas, &theirs.sas)
	a := Algorithms{Hash(hashes.v[0]), Cipher(ciphers.v[0]), AuthTag(tags.v[0]), negotiateKA(ours, theirs),
		SASType(sas.v[0])}
	// "If ECDH-384 (EC38) is chosen as the key agreement, the negotiated hash algorithm MUST be either SHA-384 or the
	// corresponding SHA-3 successor", and AES-256 SHOULD be used. The hybrid likes the same company.
	if a.KeyAgreement == KeyAgreementEC38 || a.KeyAgreement == KeyAgreementXM76 {
		if h := hashes.long(); h != 0 {
			a.Hash = h
		}
		if ciphers.has(uint32(CipherAES3)) {
			a.Cipher = CipherAES3
		}
	}
	return a
}

// admit is the responder's policy on a Commit: only what we offered, only what the initiator's Hello offered, and never
// weaker than the negotiation rule gives. The initiator's Hello is not in total_hash, so this is where stripping it
// shows: downgrade tells that somebody did. Code 0 admits.
func admit(ours, theirs *hello, a Algorithms) (code ErrorCode, detail string, downgrade bool) {
	switch {
	case a.Hash.size() == 0 || !ours.hashes.has(uint32(a.Hash)):
		return CodeHash, "hash not offered", false
	case a.Cipher.keySize() == 0 || !ours.ciphers.has(uint32(a.Cipher)):
		return CodeCipher, "cipher not offered", false
	case !ours.ka.has(uint32(a.KeyAgreement)):
		return CodeKeyAgreement, "key agreement not offered", false
	case a.KeyAgreement == KeyAgreementEC38 && a.Hash.size() != 48:
		return CodeHash, "EC38 needs a 384-bit hash", false
	case !ours.tags.has(uint32(a.AuthTag)):
		return CodeAuthTag, "auth tag not offered", false
	case !ours.sas.has(uint32(a.SAS)) && a.KeyAgreement != KeyAgreementMult: // "The SAS Type is ignored"
		return CodeSAS, "SAS type not offered", false
	case !theirs.hashes.has(uint32(a.Hash)) || !theirs.ciphers.has(uint32(a.Cipher)) ||
		!theirs.tags.has(uint32(a.AuthTag)) || !theirs.ka.has(uint32(a.KeyAgreement)):
		return CodeHelloMismatch, "Commit chose what its sender's Hello lacks", true
	}
	if g := a.KeyAgreement.group(); g != nil && g.strength < negotiateKA(ours, theirs).group().strength {
		return CodeKeyAgreement, "weaker than negotiated", true
	}
	return 0, "", false
}
