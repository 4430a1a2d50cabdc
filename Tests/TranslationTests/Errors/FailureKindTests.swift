// What kind of failure an upstream's words are.

import Testing

@testable import Translation

@Suite("The kinds of failures") struct FailureKindTests {
    typealias Reader = UpstreamErrorReaderTests

    @Test(arguments: [
        (400, #"{"error":{"message":"bad"}}"#, FailureKind.requestFault),
        (409, "{}", .requestFault), (413, "{}", .requestFault), (422, "{}", .requestFault),
        (
            400, #"{"error":{"message":"long","code":"context_length_exceeded"}}"#,
            .contextTooLong
        ),
        (
            400,
            #"{"error":{"message":"no","metadata":{"error_type":"content_policy_violation"}}}"#,
            .contentRefused
        ),
        (403, #"{"error":{"message":"no","metadata":{"reasons":["hate"]}}}"#, .contentRefused),
        (404, #"{"error":{"message":"no such model"}}"#, .modelMissing),
        (400, #"{"error":{"message":"no","code":"model_not_found"}}"#, .modelMissing),
        (401, #"{"error":{"message":"no user"}}"#, .keyRefused), (403, "{}", .keyRefused),
        (403, #"{"error":{"message":"Your country is not supported"}}"#, .notPermitted),
        (402, #"{"error":{"message":"no credit"}}"#, .outOfCredit),
        (429, #"{"error":{"message":"no","code":"insufficient_quota"}}"#, .outOfCredit),
        (429, #"{"error":{"message":"slow down"}}"#, .rateLimited),
        (503, "busy", .overloaded), (529, "{}", .overloaded),
        (502, "<html></html>", .unavailable), (500, "{}", .internalFault),
        (
            500, #"{"error":{"message":"no","metadata":{"error_type":"provider_unavailable"}}}"#,
            .unavailable
        ),
        (504, "{}", .timeout), (408, "{}", .timeout),
        (301, "", .misconfigured), (204, "", .misconfigured),
        (403, "<html><title>Blocked</title></html>", .misconfigured),
        (200, #"{"error":{"message":"down","code":502}}"#, .unavailable),
    ])
    func kind(_ status: Int, _ body: String, _ kind: FailureKind) {
        #expect(Reader.read(status, body).kind == kind)
    }
}
