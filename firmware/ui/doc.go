// Package ui draws the telephone's screens and reads its keys.
//
// It promises that a screen is a function of a call.Snapshot: the same snapshot gives the same pixels on every machine.
// No text is clipped, in any language: what is ours fits or is wrapped, what a person wrote ends in an ellipsis. A security
// state is always told by a word and a shape, never by colour alone. It decides nothing and remembers nothing.
//
// One description of each screen (screens.go) is laid out (layout.go) for a colour display of 240x240 or more and for a
// one-bit display of 128x64, and as plain text for the simulator and for tests.
package ui
