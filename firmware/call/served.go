package call

// Calls to the server only: a gateway does not speak ZRTP, and the keys of such a call are known to every server on the way. They
// have a state of their own, ToServer, a trust of their own, ServerOnly, and no code. The state is reached from GoingSecure
// alone, where nothing is or was secure, and nothing leads from it to Talking.

// EncryptedToServer tells that ZRTP was tried and nobody answered in it, and that the call goes on with keys that the account's
// owner has allowed and the server knows.
type EncryptedToServer struct{ Cipher string }

func (EncryptedToServer) event() {}

// toServer opens the microphone, without any sign of security.
func (m *Machine) toServer(ev EncryptedToServer) {
	c := m.call
	if c.state != GoingSecure || c.alarm != NoAlarm || c.keys.SAS != "" || c.trust != Unknown {
		return
	}
	if c.byItself { // nobody is at the telephone to read what the screen says
		m.end(CannotEncrypt)
		return
	}
	m.timers.stop(timerCall)
	m.wake()
	c.state, c.trust, c.since, c.keys = ToServer, ServerOnly, m.now, Secure{Cipher: ev.Cipher}
	m.beep = ToneServer
}

// changeGateway asks before an account may reach gateways. Without TLS everybody on the way would have the keys.
func (m *Machine) changeGateway(a *Account) {
	switch {
	case a.Gateway:
		a.Gateway = false
	case a.Transport != transports[0]:
		m.say("gateway.tls", "")
	default:
		m.confirm("gateway", "gateway.sure", "", func() { a.Gateway = true; m.refresh() })
	}
}

// talks tells that one hears and is heard.
func (c *current) talks() bool { return c.state == Talking || c.state == ToServer }

// compared tells that the code was compared, in this call or before.
func (c *current) compared() bool { return c.trust == Checked || c.trust == Verified }

// refuseServed refuses a call for a contact's sake: it comes in the name of somebody whose telephone we know, and could be
// answered only with keys that a server has. The caller is told that it will not do, and the log why.
func (m *Machine) refuseServed(c *current) {
	m.wake()
	m.do(RefuseWaiting{CannotEncrypt})
	m.record(c, CannotEncrypt)
}
