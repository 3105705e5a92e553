// Package vault keeps the telephone's memory in files, sealed under the owner's PIN.
//
// It promises that a file is never torn: whatever moment the power goes, what is read afterwards is the last content that
// Save returned for, or the one that was being saved. A file that cannot be read is set aside, never deleted, and the
// generation before it is used. A card that is read in another machine tells nothing: neither content nor how much of it
// there is to the kilobyte, nor whether there is a duress PIN. Every wrong PIN is counted before it is tried, so that
// pulling the plug gives no free try. It never knows what the bytes mean.
//
// It cannot protect a telephone that is open from who holds it, nor a short PIN from who has both the card and the device
// secret: Argon2id makes each guess as dear as the owner's own. Flash memory may keep old blocks after an erase; what they
// hold is sealed under a key that is gone.
package vault
