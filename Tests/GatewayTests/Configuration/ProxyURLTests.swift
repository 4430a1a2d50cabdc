import Testing

@testable import Gateway

@Suite("Proxies of the environment") struct ProxyURLTests {
    @Test(
        "URLs that curl understands are taken",
        arguments: [
            ("proxy", "proxy"), ("proxy:3128", "proxy:3128"), ("http://proxy", "proxy"),
            ("HTTP://Proxy:3128/", "proxy:3128"), ("https://proxy:3128", "proxy:3128"),
            ("socks5h://127.0.0.1:1080", "127.0.0.1:1080"), ("socks4a://p:1", "p:1"),
            ("http://[::1]:3128", "[::1]:3128"), ("http://me:word@proxy:1", "proxy:1"),
            ("me:word@proxy:1", "proxy:1"), ("http://me@corp:word@proxy:1", "proxy:1"),
            ("http://me:a%23b%2f%40@proxy:1", "proxy:1"), ("http://:word@proxy:1", "proxy:1"),
        ])
    func taken(_ text: String, _ authority: String) throws {
        let url = try ProxyURL(parsing: text)
        #expect(url.authority == authority)
        #expect(url.text == text)
    }

    @Test(
        "What is wrong is said without a letter of the value",
        arguments: [
            ("\"http://me:s3cr3t@proxy:1\"", "quotation mark"),
            ("'http://me:s3cr3t@proxy:1'", "quotation mark"),
            ("http://me:s3cr3t@proxy:1\"", "write # as %23"),
            ("foo://me:s3cr3t@proxy:1", "scheme is none of http,"),
            ("ftp://me:s3cr3t@proxy:1", "scheme is none of http,"),
            ("://me:s3cr3t@proxy:1", "scheme is none of http,"),
            ("http://me:s3cr3t@proxy:99999", "a port from 1 to 65535"),
            ("http://me:s3cr3t@proxy:0", "port is 0"),
            ("http://me:s3cr3t@proxy:x", "a port from 1 to 65535"),
            ("http://me:s3cr3t@pro xy:1", "has a blank"),
            ("http://me:s3 cr3t@proxy:1", "has a blank"),
            ("http://me:s3cr3t\t@proxy:1", "has a blank"),
            ("http://me:s3cr3t#x@proxy:1", "write # as %23"),
            ("http://me:s3cr3t?x@proxy:1", "write # as %23"),
            ("http://me:s3cr3t/x@proxy:1", "write %2F"),
            ("http://me:s3cr3t%zz@proxy:1", "write % as %25"),
            ("http://me:s3cr3t%0a@proxy:1", "write % as %25"),
            ("http://me:s3cr3t%@proxy:1", "write % as %25"),
            ("http://me:s3cr3t@", "is no host"), ("http://", "is no host"),
            ("http://me:s3cr3t@::1:1", "is no host"), ("http://me:s3cr3t@[::1:1", "is no host"),
        ])
    func refused(_ text: String, _ words: String) {
        do {
            _ = try ProxyURL(parsing: text)
            Issue.record("\(text) was taken")
        } catch {
            #expect(error.reason.occurs(words))
            #expect(!error.reason.occurs("s3"))
            #expect(!error.reason.occurs("cr3t"))
        }
    }
}
