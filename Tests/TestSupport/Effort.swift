// How much the tests with many rounds do. Under a sanitizer each round costs several times as much,
// and a part of them finds what it is there to find.

import Glibc

/// `count` rounds, or the share of them that `TEST_EFFORT` asks for, in percent; at least one.
package func rounds(_ count: Int) -> Int { max(1, count * effort / 100) }

/// Whether tests that measure time are to run: what a sanitizer slows down, it slows down unevenly.
package var measuresTime: Bool { effort == 100 }

/// Whether tests of sessions have all bodies parsed and translated beside the loop, as only large ones are:
/// `TEST_LARGE_BODIES=1`, for another run of the same tests.
package let takesBodiesForLarge: Bool = {
    // SAFETY: no test changes the environment.
    unsafe getenv("TEST_LARGE_BODIES") != nil
}()

private let effort: Int = {
    // SAFETY: no test changes the environment.
    let text = unsafe getenv("TEST_EFFORT").map { unsafe String(cString: $0) }
    return text.flatMap { Int($0) } ?? 100
}()
