// Another program, run to its end: for commands that ask systemd. The daemon itself starts none.

import Glibc

enum Command {
    struct Output {
        /// The exit code; above 128 when a signal ended it, as shells have it.
        let status: Int
        /// Standard output and standard error together.
        let text: String
    }

    /// More than this is not read: journals have no end.
    private static let bytesMax = 1 << 20

    /// Runs `arguments`, of which the first is looked for on PATH, without the secrets of our
    /// environment.
    ///
    /// - Returns: nil when it cannot be started or does not end in time.
    static func run(_ arguments: [String], within limit: Duration) -> Output? {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        let reading = Descriptor(ends[0])
        var process = pid_t()
        let isStarted = start(arguments, reading: ends[0], writing: ends[1], &process)
        close(ends[1])
        guard isStarted else { return nil }
        let text = read(reading.value, until: now() + limit)
        if text == nil { kill(process, SIGKILL) }
        var status: CInt = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard let text else { return nil }
        // wait(2): the low seven bits are the signal, the next byte the exit code.
        let signal = Int(status & 0x7F)
        return Output(status: signal == 0 ? Int(status >> 8 & 0xFF) : 128 + signal, text: text)
    }

    /// Closes itself.
    private struct Descriptor: ~Copyable {
        let value: CInt
        init(_ value: CInt) { self.value = value }
        deinit { close(value) }
    }

    private static func start(
        _ arguments: [String], reading input: CInt, writing output: CInt, _ process: inout pid_t
    ) -> Bool {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
        unsafe posix_spawn_file_actions_addclose(&actions, input)
        unsafe posix_spawn_file_actions_addclose(&actions, output)
        var environment = ["LC_ALL=C.UTF-8", "SYSTEMD_COLORS=0", "PAGER=cat"]
        for name in ["PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
            if let value = unsafe getenv(name) {
                environment.append("\(name)=\(unsafe String(cString: value))")
            }
        }
        // SAFETY: copies that end with a null pointer, as the call wants them; freed after it.
        let (vector, variables) = unsafe (strings(arguments), strings(environment))
        defer {
            unsafe vector.forEach { unsafe free($0) }
            unsafe variables.forEach { unsafe free($0) }
        }
        return unsafe posix_spawnp(&process, arguments[0], &actions, nil, vector, variables) == 0
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }

    /// All that is written until the other end closes; nil when the time is over before.
    private static func read(_ descriptor: CInt, until deadline: Duration) -> String? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let rest = (deadline - now()) / .milliseconds(1)
            guard rest > 0 else { return nil }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&wait, 1, CInt(rest.rounded(.up)))
            if ready < 0, errno != EINTR { return nil }
            guard ready > 0 else { continue }
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            guard count > 0 else {
                if errno == EINTR { continue }
                return nil
            }
            if bytes.count < bytesMax { bytes += buffer[..<count] }
        }
    }

    private static func now() -> Duration {
        var time = timespec()
        // SAFETY: the call fills the local value; the clock always exists.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
