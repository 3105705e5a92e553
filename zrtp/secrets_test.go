package zrtp

import "testing"

// TestMatchOrder: s1 is chosen by the initiator's order, on both sides (Section 4.3).
func TestMatchOrder(t *testing.T) {
	x, y, z := make0(32, 1), make0(32, 2), make0(32, 3)
	for _, c := range []struct {
		name                 string
		i1, i2, r1, r2, want Secret
	}{
		{"both equal", x, y, x, y, x},
		{"crossed", x, y, y, x, x}, // the initiator's rs1, which is the responder's rs2
		{"responder ahead", x, z, y, x, x},
		{"initiator ahead", y, x, x, z, x},
		{"older ones", y, x, z, x, x},
		{"none", x, nil, y, z, nil},
		{"no rs1", nil, nil, x, y, nil},
	} {
		i := shared{own: [4]Secret{c.i1, c.i2, nil, nil}}
		r := shared{own: [4]Secret{c.r1, c.r2, nil, nil}}
		h3 := make([]byte, 32)
		iIDs, err := i.send(HashS256, Initiator, h3, &counter{})
		if err != nil {
			t.Fatal(err)
		}
		rIDs, err := r.send(HashS256, Responder, h3, &counter{})
		if err != nil {
			t.Fatal(err)
		}
		i.match(HashS256, Responder, h3, &rIDs)
		r.match(HashS256, Initiator, h3, &iIDs)
		same(t, c.name+": initiator's s1", i.s1, c.want)
		same(t, c.name+": responder's s1", r.s1, c.want)
	}
}
