// Package zrtp is RFC 6189: it agrees SRTP keys between two telephones over the media path, without servers, and gives
// both users a short authentication string (SAS) to compare by voice.
//
// It promises that a Session becomes Secure only with a peer who knows the same keys, that forged, altered, repeated or
// reordered messages move nothing, and that everything an attack looks like is told: as Error message to the peer, as
// Alert to the user. It never touches a socket, a clock, a file, a log or a goroutine: packets, time and randomness are
// arguments. It never goes clear. It cannot tell whether the other end is who it claims to be: only users who compare
// the SAS can, and after that the retained secrets of earlier calls.
//
// # The protocol in one page
//
//	Alice                          Bob
//	Hello        ----------------> <---------------- Hello      what each can do, ZID, H3       Section 5.2
//	HelloACK     <---------------> HelloACK                     "I hear you"                     Section 5.3
//	Commit       ---------------->                              choice, hvi = hash(DHPart2, Hello)  5.4
//	             <---------------- DHPart1                      Bob's public value, secret IDs   Section 5.5
//	DHPart2      ---------------->                              Alice's, as committed            Section 5.6
//	             <---------------- Confirm1                     encrypted: H0, flags, expiry     Section 5.7
//	Confirm2     ---------------->
//	             <---------------- Conf2ACK                     or the first SRTP packet         Section 5.8
//
// Usually both commit; the higher hvi wins (contention.go). The commitment means that a man in the middle has one guess
// at the SAS, so that 20 bits are enough. Each message also carries a link of a hash chain (hashchain.go), which proves
// that it comes from the sender of the one before, and a MAC keyed by the next link. What was agreed in earlier calls
// goes into the keys (secrets.go), so that an attacker who was absent once stays out.
//
// Files follow the RFC: discovery.go (4.1), negotiate.go (4.1.2), contention.go (4.2), secrets.go (4.3), initiator.go
// and responder.go (4.4.1), preshared.go (4.4.2), multistream.go (4.4.3), kdf.go and keys.go (4.5), confirm.go (4.6),
// cache.go (4.6.1, 4.9), close.go (4.7), packet.go (5), one file a message (hello.go, commit.go, dhpart.go,
// confirm_msg.go, ack.go, error_msg.go, ping.go; 5.2-5.16), algo.go (5.1.2-5.1.7), retransmit.go (6), sas.go (5.1.6, 7),
// relay.go (7.3), hashchain.go (9). state.go holds the whole machine as a table. The hybrid of X25519 and ML-KEM-768 is
// specified in POSTQUANTUM.md. Signatures over the SAS are in package sassig, test wires and a man in the middle in
// package zrtptest.
//
// # Usage
//
// One call changes the session, then drain, then sleep:
//
//	s, err := zrtp.NewSession(&zrtp.Config{ZID: zid, SSRC: ssrc, Rand: rand.Reader, Cache: book}, time.Now())
//	// s.HelloHash() goes into the SDP as a=zrtp-hash:1.10
//	s.Start(now)
//	for {
//		for n, ok := s.Outgoing(buf); ok; n, ok = s.Outgoing(buf) { send(buf[:n]) }
//		for e, ok := s.NextEvent(); ok; e, ok = s.NextEvent() { act on e }
//		select {
//		case p := <-packets: s.Handle(p, now)       // each datagram that begins with 0x1x and the magic cookie
//		case <-srtp:         s.PeerSentSRTP(now)    // the first SRTP packet with a valid tag
//		case <-until(s.Deadline()): s.Tick(now)
//		}
//	}
//
// KeysReady comes first: receive with its keys from then on. Secure allows to send. If Failed follows KeysReady, wipe the
// keys. SASReady says what to show: the SAS; whether this ZID is new; whether it was verified before; whether the
// retained secret mismatched, which must alarm the user. SetVerified records that the users compared the SAS. A name in
// a phone book belongs to the ZID, not to the address that was dialled (Section 12).
//
// Further media streams of the same call: AddStream. They need no SAS of their own.
//
// # Security
//
//   - The responder checks what the RFC leaves open: it refuses a Commit that chooses what it did not offer, what the
//     initiator's Hello did not offer, or a weaker key agreement than both Hellos give. So stripping the initiator's Hello,
//     which total_hash does not cover, is seen.
//   - At most one key pair and one Diffie-Hellman result an exchange, and none before the hash chain fits. At most 16
//     Hellos, 16 outgoing messages and 64 events are kept, whatever arrives.
//   - Hellos of strangers do not lock out the true peer: with a=zrtp-hash only the announced Hello counts; without it only
//     one whose sender also acknowledges ours.
//   - Comparisons of secrets are in constant time, and so is the exponentiation of DH3k. Secrets are wiped after use.
//   - A call that broke in the middle gives honest people no alarm in the next, the first call included. Two rules differ from
//     Section 4.6.1, on this side only: rs2 becomes the secret that matched, not the old rs1; and the responder's first
//     secret is not expected before the initiator's SRTP showed that it has it. Until then the peer was never heard.
//   - An Error message ends an exchange in progress, as the RFC has it: an attacker on the path can always prevent a call.
//     It cannot end one that is secure.
//
// # Limitations
//
//   - Not offered: AES2 and Twofish (no SRTP for them here), Skein, EC52 (the RFC advises against it), version other than
//     1.10, OpenPGP signatures (carried to a Verifier, not understood).
//   - GoClear is always refused with Error 0x100. RequestClear exists for tests.
//   - Go's collector may have moved a secret before it is wiped, and hash states and the standard library's private keys
//     cannot be wiped. With GOEXPERIMENT=runtimesecret, as the Makefile sets it, the runtime erases what key derivation leaves
//     on stack and heap.
//   - Without a=zrtp-hash an attacker who can answer our Hello before the peer does locks the peer out of this call.
//   - Packets are not fragmented; a SAS signature with a long certificate may need IP fragmentation.
//   - Two calls at once between the same two ZIDs must not exchange keys at the same time (Section 4.4.1): the owner
//     sees to it.
//
// # Proof
//
//   - Vectors: ten sessions with every intermediate value, nine of them run whole, octet by octet; the trace published with
//     bzrtp; all 512 SAS words; four hybrid agreements, checked by a second implementation. Nine conversations on file.
//   - Each row of the table of hostile cases and of the list below it is a named test: 6,048 single-bit alterations with
//     right CRCs, 6,400 times a message in a state, a man in the middle who comes late, stays, leaves, strips and relays.
//   - 50 seeds of 30 % loss, 20 % reordering, 10 % duplication, 20 % corruption: 48 become secure, the slowest in 17 s, 2 time
//     out cleanly, none has a wrong SAS. 10,000 seeded handshakes are pinned by one digest (ZRTP_HANDSHAKES=10000).
//   - Calls broken at every message, in every order of three, with each side leading: no alarm, and the alarm stays where the
//     peer was heard, compared or known before (interrupted_test.go).
//   - Interoperation with libbzrtp 5.1.64: DH2k, DH3k, X255, X448 by S256, S384 by AES1, AES3 in both roles, Multistream,
//     auxsecret, exported keys, key continuity and its loss (tools/peers/bzrtp).
//   - Fuzzing before this was committed: half a CPU-hour, 5 million messages; it found that a SAS signature of type zero
//     read as none. CI adds to it. Some sixty mutations of the checks were tried; each is caught by a test.
//   - A handshake costs 1.2 times its bare public-key operations with X25519 and 1.1 times with DH3k; parsing allocates
//     nothing.
package zrtp
