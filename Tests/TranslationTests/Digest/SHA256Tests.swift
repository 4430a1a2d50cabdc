// SHA-256 against the vectors of NIST (FIPS 180-4 examples; CAVP SHA256ShortMsg, SHA256LongMsg).

import Testing

@testable import Translation

@Suite struct SHA256Tests {
    static func hex(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for byte in bytes { text.append(hexadecimal: byte) }
        return String(decoding: text, as: UTF8.self)
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func givesTheDigestsOfTheStandard(_ text: String, _ digest: String) {
        #expect(Self.hex(SHA256.digest([UInt8](text.utf8).span)) == digest)
    }

    @Test(arguments: [
        (1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1", 0xD3 as UInt8),
        (55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7", 0),
        (56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb", 0),
        (57, "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785", 0),
        (64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b", 0),
        (1000, "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53", 0),
        (1000, "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4", 0x41),
        (1005, "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0", 0x55),
    ])
    func givesTheDigestsOfRepeatedBytes(_ count: Int, _ digest: String, _ byte: UInt8) {
        let bytes = [UInt8](repeating: byte, count: count)
        #expect(Self.hex(SHA256.digest(bytes.span)) == digest)
    }

    @Test func givesTheSameDigestHoweverItIsFed() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let whole = SHA256.digest(bytes.span)
        for split in bytes.indices {
            var hash = SHA256()
            hash.update(bytes.span.extracting(0..<split))
            hash.update(bytes.span.extracting(split..<bytes.count))
            #expect(hash.finish() == whole)
        }
        var single = SHA256()
        for byte in bytes { single.update([byte].span) }
        #expect(single.finish() == whole)
    }
}
