// Package update replaces the telephone's image by another that its owner signed.
//
// It promises that nothing is written before the signatures were checked, that the running slot is never touched, that a
// new image is started only after all of it was read back and found right, that it runs once on trial and stays only
// when it says that it started well, and that versions never go down. It never opens a network connection and never
// decides to update by itself. It cannot protect a telephone whose signing keys are stolen: two are wanted, kept apart.
//
// A bundle is a manifest, signatures of it in minisign's format, and the image of one slot:
//
//	"SOTTOUP1" | length of manifest 4 | manifest | number of signatures 1 | (length 2 | signature)... | image
package update
