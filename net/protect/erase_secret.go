//go:build goexperiment.runtimesecret

package protect

import "runtime/secret"

// erasing calls f and has the runtime overwrite what f left on the stack, and what it left on the heap as soon as nothing
// refers to it.
func erasing(f func()) { secret.Do(f) }
