// Descriptors 0 to 2. A process that is started without them would give their numbers to its first
// sockets, and whoever writes to "standard error" would write to a client.

import CLinux
import Glibc

/// The descriptors that every program takes for granted.
package enum StandardDescriptors {
    /// Puts /dev/null where one is closed. To be called before anything is opened.
    package static func open() {
        for number in STDIN_FILENO...STDERR_FILENO
        where linux_fcntl(number, F_GETFD, 0) < 0 && errno == EBADF {
            // SAFETY: the path is terminated. The lowest free number is this one.
            _ = unsafe Glibc.open("/dev/null", O_RDWR)
        }
    }
}
