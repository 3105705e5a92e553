package sipua

import (
	"sotto/net/protect"
	"sotto/net/signaling"
)

// Calls to and from a gateway, with keys that the server knows (net/signaling, Crypto). They are written and read only where
// all of this is so: the account is one that may reach gateways, its connection is TLS whose server has proved who it is, this
// very call goes over that connection, and the phone allows it for this call. Otherwise a=crypto is what it is to others: nothing.

// served is what one call has to do with such keys; the zero value: nothing.
type served struct {
	allowed bool              // by the phone, for this call
	strict  bool              // our offer is of RTP/SAVP
	ours    *signaling.Crypto // nil: we tell none
	theirs  *signaling.Crypto
}

// serves reports whether keys may be told through an account over a hop: not what the settings say, but the connection that is.
func (c *core) serves(a *account, over hop) bool {
	return a != nil && a.Gateway && over.proto == tlsProto && over.flow != 0 && over.flow == a.hop.flow &&
		c.proved != nil && c.proved(over.flow)
}

// needsTLS reports that nothing but the connection keeps a call from going through a gateway.
func (k *call) needsTLS(c *core) bool {
	return k.served.allowed && k.account != nil && k.account.Gateway && !c.serves(k.account, k.hop)
}

// wipe forgets the keys, for good.
func (s *served) wipe() {
	s.ours.Wipe()
	s.theirs.Wipe()
	*s = served{}
}

// keys are those of an agreed call; nil: there are none, or the peer has announced ZRTP and must keep to it.
func (s *served) keys(remote signaling.Description) *protect.Keys {
	if s.ours == nil || s.theirs == nil || len(remote.Hashes) > 0 {
		return nil
	}
	k, err := signaling.ServerKeys(s.ours, s.theirs)
	if err != nil {
		return nil
	}
	return k
}

// offerKeys makes keys for our offer, if they may be told.
func (k *call) offerKeys(c *core, strict bool) bool {
	if !k.served.allowed || !c.serves(k.account, k.hop) {
		return false
	}
	keys, err := signaling.NewCrypto(c.rand)
	if err != nil {
		return false
	}
	k.served.ours.Wipe()
	k.served.ours, k.served.strict = keys, strict
	return true
}

// insist offers once more, over RTP/SAVP: many gateways take nothing else. ZRTP was offered first, and refused.
func (k *call) insist(c *core, code int) bool {
	if code != 488 && code != 606 && code != 415 || k.state != dialing || k.served.ours == nil || k.served.strict || !k.offerKeys(c, true) {
		return false
	}
	k.challenged = false
	return true
}

// wire writes a description of ours, with our keys where they are told.
func (k *call) wire(d signaling.Description) []byte {
	if k.served.ours == nil {
		return wire(d)
	}
	b, err := d.MarshalServer(k.served.ours, k.served.strict)
	if err != nil {
		return nil
	}
	return b
}

// maySay reports whether a description of the running call may be sent now: one with keys goes over no connection but the one by
// which the account is registered, which may be a new one, and which has proved its server as the first one did.
func (k *call) maySay(c *core) bool {
	if k.served.ours == nil {
		return true
	}
	if k.account.state == registered {
		k.hop.flow = k.account.hop.flow
	}
	return k.account.state == registered && c.serves(k.account, k.hop)
}

// readAnswer reads what answers our first offer.
func (k *call) readAnswer(body []byte) (signaling.Description, error) {
	s := &k.served
	if s.ours == nil {
		d, err := signaling.Parse(body)
		if err == nil {
			err = d.CheckAnswer(k.offer)
		}
		return d, err
	}
	d, theirs, err := signaling.ParseServer(body)
	if err == nil {
		err = d.CheckAnswer(k.offer)
	}
	if err == nil && d.SAVP() != s.strict {
		err = signaling.ErrAnswer
	}
	switch {
	case err != nil:
	case theirs == nil || len(d.Hashes) > 0 && !s.strict: // ZRTP, or nothing
		theirs.Wipe()
		s.wipe()
	default:
		s.theirs = theirs
		err = s.ours.Agree(theirs)
	}
	return d, err
}

// readOffer reads an offer that came by a hop.
func (c *core) readServed(a *account, from hop, body []byte) (signaling.Description, *signaling.Crypto, error) {
	if c.serves(a, from) {
		return signaling.ParseServer(body)
	}
	d, err := signaling.Parse(body)
	return d, nil, err
}

// takeKeys makes our keys of an answer, where the phone allows it; a caller that has no other way is refused otherwise.
func (k *call) takeKeys(c *core) (err error) {
	s := &k.served
	may := s.allowed && c.serves(k.account, k.hop)
	switch {
	case s.theirs == nil:
		return nil
	case !k.remote.SAVP() && (!may || len(k.remote.Hashes) > 0): // ZRTP, or nothing
		s.wipe()
		return nil
	case !may:
		return signaling.ErrProfile
	}
	s.ours, err = s.theirs.AnswerTo(c.rand)
	s.theirs.First()
	return err
}

// readChange reads a later description of the peer. Keys that were agreed stay: neither can they be changed nor taken away, nor
// can any come to a call that has none.
func (k *call) readChange(body []byte) (signaling.Description, error) {
	s := &k.served
	if s.ours == nil {
		return signaling.Parse(body)
	}
	d, now, err := signaling.ParseServer(body)
	if err == nil && d.SAVP() != k.remote.SAVP() {
		err = signaling.ErrProfile
	}
	if err == nil {
		err = s.ours.Follow(s.theirs, now)
	}
	now.Wipe()
	return d, err
}
