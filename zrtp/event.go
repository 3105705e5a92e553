package zrtp

import "time"

// Event is something that a session tells its owner through NextEvent.
type Event interface{ event() }

// Role says who sent the Commit that counts.
type Role uint8

// Roles of RFC 6189, Section 4.2.
const (
	RoleNone Role = iota
	Initiator
	Responder
)

// String is "initiator" or "responder".
func (r Role) String() string { return [...]string{"none", "initiator", "responder"}[r] }

// Mode is the kind of key agreement (RFC 6189, Section 4.4).
type Mode uint8

// Modes of RFC 6189, Section 4.4.
const (
	ModeDH Mode = iota
	ModePreshared
	ModeMultistream
)

// String is "dh", "prsh" or "mult".
func (m Mode) String() string { return [...]string{"dh", "prsh", "mult"}[m] }

// SRTPKey is one direction's SRTP master key (16 or 32 octets) and master salt (14 octets).
type SRTPKey struct{ Key, Salt Secret }

type (
	// PeerFound: a compatible Hello arrived. NewDevice: nothing is cached for this ZID, so this is a first call, or
	// somebody else's device.
	PeerFound struct {
		ZID       ZID
		ClientID  string // printable, chosen by the peer: never trust it
		NewDevice bool
		HelloHash bool // the Hello matched the a=zrtp-hash of the signaling
	}

	// NoPeer: the Hello schedule is exhausted and nobody answered in ZRTP: the peer cannot encrypt. A late Hello or
	// Commit is still accepted.
	NoPeer struct{}

	// KeysReady: SRTP may be received with Receive from now on. Nothing may be sent before Secure (Section 4).
	// The owner wipes the keys when it has taken them over.
	KeysReady struct {
		Role          Role
		Mode          Mode
		Algorithms    Algorithms
		Send, Receive SRTPKey
	}

	// SASReady: the SAS to show and compare; once per call, on the first stream. It comes just before Secure.
	SASReady struct {
		SAS           string
		Type          SASType
		Verified      bool   // both sides verified an earlier call with these ZIDs and the retained secret matched
		NewDevice     bool   // first call with this ZID
		CacheMismatch bool   // the retained secret did not match: possible attack
		Signer        string // not empty: the SAS carried a valid signature by this name
	}

	// Secure: Confirm messages are exchanged; SRTP may be sent with KeysReady.Send.
	Secure struct {
		Role       Role
		Mode       Mode
		Algorithms Algorithms
		Disclosure bool // the peer's product discloses its keys (Section 11): tell the user
		AuxMatch   bool // auxsecret or srtps was equal on both sides
		PBXMatch   bool // pbxsecret was equal: the peer is our trusted PBX
	}

	// CacheMismatch: a retained secret was expected and did not match: possible attack (Section 4.3.2). The cache is
	// not updated before SetVerified.
	CacheMismatch struct{ ZID ZID }

	// AuxMismatch: our auxsecret did not match the peer's (Section 4.3.2).
	AuxMismatch struct{}

	// CacheFailed: the SecretCache could not store.
	CacheFailed struct{ Err error }

	// Alert: something happened that honest peers and random errors do not cause.
	Alert struct{ Reason AlertReason }

	// Failed: the exchange ended without keys. Nothing was stored.
	Failed struct{ Err *ProtocolError }

	// PeerSigned: the peer's Confirm carried a SAS signature. Err is nil when the Verifier accepted it.
	PeerSigned struct {
		Type   SignatureType
		Signer string
		Err    error
	}

	// EnrollmentOffered: a PBX offers to be our trusted man in the middle. Call Enroll only when the user says so.
	EnrollmentOffered struct{}

	// RelayedSAS: our trusted PBX relays the SAS of the leg behind it. With SAS empty only the rendering type was
	// relayed, and it applies to this session's own SAS (Section 7.3).
	RelayedSAS struct {
		SAS                  string
		Type                 SASType
		Verified, Disclosure bool
	}

	// PingAnswered: a PingACK for our Ping, after RTT.
	PingAnswered struct{ RTT time.Duration }

	// ClearRefused: the peer answered our GoClear with Error 0x100; the session stays secure.
	ClearRefused struct{}

	// Cleared: our GoClear was acknowledged or timed out; keys are erased and the session is over.
	Cleared struct{}
)

func (PeerFound) event()         {}
func (NoPeer) event()            {}
func (KeysReady) event()         {}
func (SASReady) event()          {}
func (Secure) event()            {}
func (CacheMismatch) event()     {}
func (AuxMismatch) event()       {}
func (CacheFailed) event()       {}
func (Alert) event()             {}
func (Failed) event()            {}
func (PeerSigned) event()        {}
func (EnrollmentOffered) event() {}
func (RelayedSAS) event()        {}
func (PingAnswered) event()      {}
func (ClearRefused) event()      {}
func (Cleared) event()           {}

// AlertReason is why an Alert was raised.
type AlertReason uint8

// Reasons for an Alert.
const (
	AlertHelloHash      AlertReason = iota + 1 // a Hello contradicts the a=zrtp-hash of the signaling
	AlertMessageMAC                            // a message was altered on the way, with a right hash preimage (Section 8.1.1)
	AlertCommitment                            // DHPart2 does not match hvi (Section 4.4.1.2)
	AlertPublicValue                           // a public value that makes the result weak (Section 4.4.1.2)
	AlertConfirmMAC                            // Confirm with a bad MAC (Section 4.6)
	AlertZIDChanged                            // Commit or stream with another ZID than agreed (Sections 4.4.3, 5.4)
	AlertNonceReuse                            // a Multistream or Preshared nonce came twice (Section 4.4.3.1)
	AlertDowngrade                             // the Commit chose weaker than the negotiation gives (Section 4.1.2)
	AlertReflection                            // our own ZID or SSRC came back
	AlertForgedGoClear                         // GoClear with a bad MAC (Section 4.7.2)
	AlertUntrustedRelay                        // SASrelay from a peer that is not our trusted PBX (Section 5.13)
	AlertForgedRelay                           // SASrelay with a bad MAC
	AlertGoClear                               // the peer asked to go clear; it was refused
	AlertBadSignature                          // a SAS signature that does not verify (Section 7.2)
)

var alertText = [...]string{"none", "hello hash mismatch", "altered message", "broken hash commitment",
	"weak public value", "bad confirm MAC", "ZID changed", "nonce reuse", "downgrade", "reflection",
	"forged GoClear", "untrusted SAS relay", "forged SAS relay", "GoClear refused", "bad SAS signature"}

// String is a few plain words.
func (r AlertReason) String() string {
	if int(r) < len(alertText) {
		return alertText[r]
	}
	return "unknown"
}
