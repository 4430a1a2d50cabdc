// Tool-call ids: what passes, what is escaped, and that the way back is exact.

import TestSupport
import Testing

@testable import Translation

@Suite struct ToolCallIdentifierTests {
    static func client(
        _ upstream: String, repeated: Bool = false, ordinal: Int = 0, taken: [String] = []
    ) -> String {
        let id = ToolCallIdentifier.clientForm(
            of: [UInt8](upstream.utf8), isRepeated: repeated, seed: [UInt8]("msg_7f".utf8),
            ordinal: ordinal, taken: Set(taken.map { [UInt8]($0.utf8) }))
        return String(decoding: id, as: UTF8.self)
    }

    static func upstream(_ client: String) -> String {
        String(
            decoding: ToolCallIdentifier.upstreamForm(ofClient: [UInt8](client.utf8)),
            as: UTF8.self)
    }

    @Test(arguments: [
        "call_8I6muAnyFaBjKyotk1gPRTwU", "toolu_bdrk_01X", "call_-7812", "a", "0", "_", "D681PevKs",
        "tool_add_x", "cpx", "call__n2",
    ])
    func passesGoodIdsBothWays(_ id: String) {
        #expect(Self.client(id) == id)
        #expect(Self.upstream(id) == id)
    }

    @Test(arguments: [
        ("functions.weather:0", "cpx_functions_2eweather_3a0"), ("a b", "cpx_a_20b"),
        ("é", "cpx__c3_a9"), ("_:", "cpx__5f_3a"), ("cpx_a", "cpx_cpx_5fa"),
        ("_n2:", "cpx__5fn2_3a"),
    ])
    func escapesOthersReversibly(_ id: String, _ escaped: String) {
        #expect(Self.client(id) == escaped)
        #expect(Self.upstream(escaped) == id)
    }

    @Test func addsASuffixThatDecodesAwayWhenTheIdIsTaken() {
        #expect(Self.client("call_0", taken: ["call_0"]) == "cpx_call_5f0")
        #expect(Self.client("call_0", taken: ["call_0", "cpx_call_5f0"]) == "cpx_call_5f0_n2")
        let third = Self.client("call_0", taken: ["call_0", "cpx_call_5f0", "cpx_call_5f0_n2"])
        #expect(third == "cpx_call_5f0_n3")
        #expect(Self.client("f:0", taken: ["cpx_f_3a0"]) == "cpx_f_3a0_n2")
        for id in ["cpx_call_5f0", "cpx_call_5f0_n2", third, "cpx_call_5f0_n12"] {
            #expect(Self.upstream(id) == "call_0")
        }
    }

    @Test func makesIdsUpForWhatHasNone() {
        #expect(Self.client("") == "call_msg_7f_0")
        #expect(Self.client("", ordinal: 3) == "call_msg_7f_3")
        #expect(Self.client("call_0", repeated: true, ordinal: 1) == "call_msg_7f_1")
        #expect(Self.client("", taken: ["call_msg_7f_0"]) == "call_msg_7f_1")
        #expect(Self.client(String(repeating: "x", count: 1025)) == "call_msg_7f_0")
        #expect(Self.upstream("call_msg_7f_0") == "call_msg_7f_0")
    }

    @Test(arguments: [
        "cpx_", "cpx__", "cpx_a_", "cpx_a_2", "cpx_a_zz", "cpx_a_n", "cpx_a_nx", "cpx__n2",
    ])
    func leavesAloneWhatOnlyLooksLikeAnEscape(_ id: String) {
        #expect(Self.upstream(id) == id)
    }

    @Test func anyBytesRoundTripIntoTheAllowedAlphabet() {
        var random = SplitMix64(seed: 7)
        var taken: Set<[UInt8]> = []
        for _ in 0..<5000 {
            let count = Int.random(in: 1...4, using: &random)
            let id = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let client = ToolCallIdentifier.clientForm(
                of: id, isRepeated: false, seed: [0x61], ordinal: 0, taken: taken)
            #expect(!taken.contains(client))
            taken.insert(client)
            #expect(ToolCallIdentifier.upstreamForm(ofClient: client) == id)
            for byte in client {
                let character = Character(Unicode.Scalar(byte))
                #expect(
                    character.isASCII && (character.isLetter || character.isNumber)
                        || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-"))
            }
        }
    }
}
