package zrtp_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"sotto/zrtp"
	"sotto/zrtp/zrtptest"
)

// Two telephones agree keys. What an owner's loop does with packets, time and events, zrtptest does here without a
// network: see the package documentation for the loop.
func Example() {
	alice := &zrtp.Config{ZID: zrtp.ZID{1}, SSRC: 1, Rand: rand.Reader, Cache: zrtptest.Cache{}, ClientID: "alice"}
	bob := &zrtp.Config{ZID: zrtp.ZID{2}, SSRC: 2, Rand: rand.Reader, Cache: zrtptest.Cache{}, ClientID: "bob"}
	call, err := zrtptest.NewPair(alice, bob)
	if err != nil {
		fmt.Println(err)
		return
	}
	call.Start().Run(10*time.Second, call.Secure)
	fmt.Println("secure:", call.Secure())
	fmt.Println("key agreement:", call.A.Secure.Algorithms.KeyAgreement)
	fmt.Println("same SAS:", call.A.SAS.SAS == call.B.SAS.SAS)
	fmt.Println("alice hears from", call.A.Session.PeerClientID())
	// Output:
	// secure: true
	// key agreement: XM76
	// same SAS: true
	// alice hears from bob
}
