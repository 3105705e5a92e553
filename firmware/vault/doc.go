// Package vault keeps the telephone's memory in files.
//
// It promises that a file is never torn: whatever moment the power goes, what is read afterwards is the last content that
// Save returned for, or the one that was being saved. A file that cannot be read is set aside, never deleted, and the
// generation before it is used. It never knows what the bytes mean. It cannot protect a telephone that is open from who
// holds it.
package vault
