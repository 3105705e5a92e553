package zrtp

// The messages that are nothing but their type (RFC 6189, Sections 5.3, 5.8, 5.10, 5.12, 5.14): 3 words. Being constant,
// they are tables.
var (
	helloACK = createFrame(msgHelloACK, minMessageSize)
	conf2ACK = createFrame(msgConf2ACK, minMessageSize)
	errorACK = createFrame(msgErrorACK, minMessageSize)
	relayACK = createFrame(msgRelayACK, minMessageSize)
)

// consumeACK accepts exactly the bare frame.
func consumeACK(m []byte) error {
	if len(m) != minMessageSize {
		return ErrMalformed
	}
	return nil
}
