// Dates against ones that are known.

import Testing

@testable import Gateway

@Suite("HTTP dates") struct HTTPDateTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func areThoseOfTheCalendar(_ seconds: Int, _ text: String) {
        #expect(HTTPDate.text(.seconds(seconds)) == text)
        #expect(HTTPDate.time(text) == .seconds(seconds))
    }

    @Test(arguments: [
        (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (Int.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (Int.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func endWhereTheirFormEnds(_ seconds: Int, _ text: String) {
        let time = Duration(secondsComponent: Int64(seconds), attosecondsComponent: 0)
        #expect(HTTPDate.text(time) == text)
        #expect(HTTPDate.internetText(time).hasSuffix("Z"))
    }

    @Test(arguments: [
        "", "Sun Nov  6 08:49:37 1994", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
    ])
    func otherFormsAreNotRead(_ text: String) {
        #expect(HTTPDate.time(text) == nil)
    }
}
