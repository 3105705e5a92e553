// Package phonebook remembers people: names, addresses, what is known about their devices, and calls.
//
// It promises that a name belongs to one device (a ZID) and is never moved to another without the user, that what
// was stored is on the medium before Store returns, and that nothing is forgotten by itself. It never decides what the
// telephone does about a device it does not know; it only tells. It cannot know a device before ZRTP has proved it.
package phonebook
