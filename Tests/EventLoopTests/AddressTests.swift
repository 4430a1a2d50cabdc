// Addresses as operators write them, and as the kernel has them.
import Glibc
import Testing

@testable import EventLoop

@Suite struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1:8000", "127.0.0.1:8000"), ("0.0.0.0:0", "0.0.0.0:0"),
        ("255.255.255.255:65535", "255.255.255.255:65535"), ("*:8000", "0.0.0.0:8000"),
        (":8000", "0.0.0.0:8000"), ("localhost:80", "127.0.0.1:80"), ("[::1]:8000", "[::1]:8000"),
        ("[::]:8000", "[::]:8000"), ("[2001:DB8:0:0::1]:1", "[2001:db8::1]:1"),
        ("[::ffff:127.0.0.1]:9", "[::ffff:127.0.0.1]:9"), ("127.0.0.1:0080", "127.0.0.1:80"),
        ("unix:/run/claude-proxy/socket", "unix:/run/claude-proxy/socket"),
        ("unix:/with: colon", "unix:/with: colon"),
    ])
    func `a good address is parsed and printed`(_ text: String, _ printed: String) throws {
        let address = try ListenAddress(text)
        #expect(address.description == printed)
        #expect(try ListenAddress(printed) == address)
        #expect(SocketAddress(address).listenAddress == address)
    }

    @Test(arguments: [
        ("", ListenAddressError.portMissing("")), ("8000", .portMissing("8000")),
        ("localhost", .portMissing("localhost")), ("[::1]", .portMissing("[::1]")),
        ("127.0.0.1:", .portInvalid("")), ("127.0.0.1:65536", .portInvalid("65536")),
        ("127.0.0.1:-1", .portInvalid("-1")), ("127.0.0.1:+1", .portInvalid("+1")),
        ("127.0.0.1:http", .portInvalid("http")), ("127.0.0.1: 80", .portInvalid(" 80")),
        ("127.0.0.1:٨٠", .portInvalid("٨٠")), ("example.org:80", .hostInvalid("example.org")),
        ("127.0.0:80", .hostInvalid("127.0.0")), ("127.0.0.256:80", .hostInvalid("127.0.0.256")),
        ("[127.0.0.1]:80", .hostInvalid("[127.0.0.1]")), ("[]:80", .hostInvalid("[]")),
        ("[fe80::1%eth0]:80", .hostInvalid("[fe80::1%eth0]")), ("::1:80", .bracketsMissing("::1")),
        ("unix:socket", .pathInvalid("socket")), ("unix:", .pathInvalid("")),
        ("unix:/a\0b", .pathInvalid("/a\0b")),
    ])
    func `a bad address is refused with what is wrong`(_ text: String, _ error: ListenAddressError)
    {
        #expect(throws: error) { try ListenAddress(text) }
        #expect(!error.description.isEmpty)
    }

    @Test func `a unix path may fill the kernel's room and no more`() throws {
        let longest = "unix:/" + String(repeating: "x", count: 106)
        let address = try ListenAddress(longest)
        #expect(SocketAddress(address).listenAddress == address)
        #expect(throws: ListenAddressError.pathTooLong(bytes: 108)) {
            try ListenAddress(longest + "y")
        }
    }

    @Test func `a refusal tells what to write instead`() {
        #expect(
            ListenAddressError.bracketsMissing("::1").description
                == "an IPv6 address needs brackets; write '[::1]'")
        #expect(
            ListenAddressError.portInvalid("x").description
                == "'x' is no port; write a number from 0 to 65535")
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("126.0.0.1", false), ("0.0.0.0", false),
        ("::1", true), ("::2", false), ("::", false), ("::ffff:127.0.0.1", true),
        ("::ffff:128.0.0.1", false), ("::127.0.0.1", false), ("1::ffff:127.0.0.1", false),
        ("2001:db8::1", false),
    ])
    func `loopback peers are told from others`(_ text: String, _ isLoopback: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(PeerAddress.ip(address, port: 1).isLoopback == isLoopback)
        #expect(!PeerAddress.ip(address, port: 1).isLocalSocket)
    }

    @Test func `a peer is printed for logs`() {
        #expect(PeerAddress.ip(.loopbackV4, port: 50000).description == "127.0.0.1:50000")
        #expect(PeerAddress.ip(.v6(high: 0, low: 1), port: 5).description == "[::1]:5")
        #expect(PeerAddress.localSocket.description == "unix")
        #expect(PeerAddress.localSocket.isLocalSocket)
        #expect(!PeerAddress.localSocket.isLoopback)
    }
}
