// Package call decides what the telephone does next.
//
// It promises to be a pure value machine: Handle takes an event and the time and appends actions; nothing else happens.
// Everything that a person can see is in Snapshot, everything that the world must do is an Action. The microphone is open
// only in a secure call that shows no alarm. It never opens a socket, reads a clock or knows a chip, and it has no
// goroutine. It cannot know whether an event is true: whoever feeds it must pass only events of the call that it began
// or was told of last.
//
//	keys, line, media, tick -> Handle -> actions; then draw Snapshot, then sleep until Deadline
package call
