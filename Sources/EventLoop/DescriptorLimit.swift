// Each client and each upstream connection is a descriptor. The soft limit is 1024 by tradition,
// for programs that use select; a program on epoll takes what the hard limit allows.
import Glibc

/// Raises this process's soft limit of open descriptors to the hard limit, and returns it.
package func raiseDescriptorLimit() throws(SystemError) -> Int {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    // SAFETY: the calls fill or read the local value.
    guard unsafe getrlimit(resource, &limit) == 0 else { throw SystemError("getrlimit") }
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max
        // SAFETY: as above.
        guard unsafe setrlimit(resource, &limit) == 0 else { throw SystemError("setrlimit") }
    }
    return Int(clamping: limit.rlim_cur)
}
