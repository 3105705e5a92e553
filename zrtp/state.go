package zrtp

import "time"

// State is where an exchange stands.
type State uint8

// States, named as the C engines name them so that traces can be compared.
const (
	StateInitial      State = iota // not started
	StateDetect                    // Hello going out, nothing heard
	StateAckDetected               // HelloACK received, Hello missing
	StateAckSent                   // Hello received, HelloACK missing
	StateWaitCommit                // discovery complete; we wait for the peer's Commit or for the first stream
	StateCommitSent                // initiator: Commit going out
	StateWaitConfirm1              // initiator: DHPart2 going out
	StateWaitConf2ACK              // initiator: Confirm2 going out
	StateWaitDHPart2               // responder: DHPart1 sent
	StateWaitConfirm2              // responder: Confirm1 sent
	StateSecure                    // keys agreed and confirmed
	StateWaitErrorACK              // failed: Error going out
	StateClosed                    // over
	numStates
)

var stateNames = [numStates]string{"Initial", "Detect", "AckDetected", "AckSent", "WaitCommit", "CommitSent",
	"WaitConfirm1", "WaitConf2ACK", "WaitDHPart2", "WaitConfirm2", "Secure", "WaitErrorACK", "Closed"}

// String is the state's name.
func (s State) String() string { return stateNames[s] }

// states is a set of State.
type states uint16

func in(list ...State) (set states) {
	for _, s := range list {
		set |= 1 << s
	}
	return set
}

func (set states) has(s State) bool { return set&(1<<s) != 0 }

// Sets of states.
var (
	discovering = in(StateDetect, StateAckDetected, StateAckSent, StateWaitCommit)
	exchanging  = in(StateCommitSent, StateWaitConfirm1, StateWaitConf2ACK, StateWaitDHPart2, StateWaitConfirm2)
	started     = discovering | exchanging | in(StateSecure)
)

// transitions is the machine: which message does what in which states. A message in any other state is rightly ignored.
// All but Hello, HelloACK and the discovering Commit must come from the SSRC of the peer.
var transitions = [...]struct {
	on   messageType
	from states
	do   func(*Session, *message) error
}{
	{msgHello, started, (*Session).helloReceived},
	{msgHelloACK, in(StateDetect, StateAckSent), (*Session).helloACKReceived},
	{msgCommit, discovering, (*Session).commitReceived},
	{msgCommit, in(StateCommitSent), (*Session).contention},
	{msgCommit, in(StateWaitDHPart2, StateWaitConfirm2), (*Session).commitRepeated},
	{msgDHPart1, in(StateCommitSent), (*Session).dhPart1Received},
	{msgDHPart2, in(StateWaitDHPart2), (*Session).dhPart2Received},
	{msgDHPart2, in(StateWaitConfirm2), (*Session).dhPart2Repeated},
	{msgConfirm1, in(StateCommitSent, StateWaitConfirm1), (*Session).confirm1Received},
	{msgConfirm2, in(StateWaitConfirm2), (*Session).confirm2Received},
	{msgConfirm2, in(StateSecure), (*Session).confirm2Repeated},
	{msgConf2ACK, in(StateWaitConf2ACK), (*Session).conf2ACKReceived},
	{msgError, discovering | exchanging | in(StateSecure, StateWaitErrorACK, StateClosed), (*Session).errorReceived},
	{msgErrorACK, in(StateWaitErrorACK), (*Session).errorACKReceived},
	{msgGoClear, in(StateSecure), (*Session).goClearReceived},
	{msgClearACK, in(StateSecure), (*Session).clearACKReceived},
	{msgSASrelay, in(StateSecure), (*Session).relayReceived},
	{msgRelayACK, in(StateSecure), (*Session).relayACKReceived},
}

// message is a received message with its frame checked.
type message struct {
	kind messageType
	body []byte // aliases the packet
	ssrc uint32
	now  time.Time
}

// Handle takes one datagram. Its error says why a packet was not used; events say what happened. nil also for packets
// rightly ignored.
func (s *Session) Handle(packet []byte, now time.Time) error {
	if s.state == StateInitial {
		return nil
	}
	ssrc, body, err := consumePacket(packet)
	if err != nil {
		return err
	}
	kind, err := consumeFrame(body)
	if err != nil {
		return err
	}
	m := &message{kind, body, ssrc, now}
	switch kind {
	case msgPing:
		return s.pingReceived(body, ssrc, now)
	case msgPingACK:
		return s.pingACKReceived(body, now)
	}
	if ssrc == s.cfg.SSRC {
		return s.ownSSRC(m)
	}
	if s.peer != nil && ssrc != s.peer.ssrc && kind != msgHello {
		return ErrStranger
	}
	for i := range transitions {
		if t := &transitions[i]; t.on == kind && t.from.has(s.state) {
			return t.do(s, m)
		}
	}
	return nil
}
