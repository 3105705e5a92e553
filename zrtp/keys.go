package zrtp

import "encoding/binary"

// keys are the keys of one stream (RFC 6189, Section 4.5.3), index 0 the initiator's, 1 the responder's.
type keys struct {
	h        Hash
	srtp     [2]SRTPKey
	mac      [2]Secret
	zrtp     [2]Secret
	newRS1   Secret // DH and Preshared mode: what the cache will hold
	exported Secret // DH and Preshared mode (Section 4.5.2)
	session  Secret // ZRTPSess
	sasHash  Secret
	context  []byte // KDF_Context
}

// sharedSecretDH is s0 of DH mode (Section 4.4.1.4). It wipes dhResult.
func sharedSecretDH(h Hash, dhResult Secret, context []byte, s *shared) Secret {
	defer dhResult.Wipe()
	d := h.new()()
	var counter [4]byte
	binary.BigEndian.PutUint32(counter[:], 1)
	d.Write(counter[:])
	d.Write(dhResult)
	d.Write([]byte("ZRTP-HMAC-KDF"))
	d.Write(context) // ZIDi || ZIDr || total_hash
	for _, secret := range [...]Secret{s.s1, s.s2, s.s3} {
		lengthPrefixed(d, secret)
	}
	return d.Sum(nil)
}

// kdfContext is ZIDi || ZIDr || total_hash, total_hash over messages without packet framing.
func kdfContext(h Hash, zidI, zidR ZID, messages ...[]byte) []byte {
	context := make([]byte, 0, 2*len(zidI)+h.size())
	context = append(append(context, zidI[:]...), zidR[:]...)
	d := h.new()()
	for _, m := range messages {
		d.Write(m)
	}
	return d.Sum(context)
}

// deriveKeys makes every key of s0 and wipes it. With first, also those that only the first stream of a call has.
func deriveKeys(h Hash, c Cipher, s0 Secret, context []byte, first bool) keys {
	defer s0.Wipe()
	d := newKDF(h, s0, context)
	k := keys{h: h, context: context}
	for i, who := range [...]string{"Initiator ", "Responder "} {
		k.srtp[i] = SRTPKey{d.derive(who+"SRTP master key", c.keySize()), d.derive(who+"SRTP master salt", 14)}
		k.mac[i] = d.derive(who+"HMAC key", h.size())
		k.zrtp[i] = d.derive(who+"ZRTP key", c.keySize())
	}
	if first {
		k.session = d.derive("ZRTP Session Key", h.size())
		k.sasHash = d.derive("SAS", 32)
		k.exported = d.derive("Exported key", h.size())
		k.newRS1 = d.derive("retained secret", 32)
	}
	return k
}

// of is the index of a role's keys.
func (r Role) of() int { return int(r - Initiator) }

// other is the peer's role.
func (r Role) other() Role { return Initiator + Responder - r }

// wipe erases what is still here.
func (k *keys) wipe() {
	for i := range k.mac {
		k.mac[i].Wipe()
		k.zrtp[i].Wipe()
		k.srtp[i].Key.Wipe()
		k.srtp[i].Salt.Wipe()
	}
	k.newRS1.Wipe()
	k.exported.Wipe()
	k.session.Wipe()
	k.sasHash.Wipe()
	*k = keys{}
}
