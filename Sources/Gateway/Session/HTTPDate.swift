// The time of day as HTTP writes it (RFC 9110 §5.6.7, IMF-fixdate): `Sun, 06 Nov 1994 08:49:37 GMT`;
// and as JSON has it.

enum HTTPDate {
    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// - Parameter time: since 1970. A clock that says less is wrong, and stands for 1970.
    static func text(_ time: Duration) -> String {
        let seconds = Self.seconds(time)
        let days = seconds / 86_400
        let (year, month, day) = date(daysSince1970: days)
        let clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map(twoDigits)
        return "\(weekdays[days % 7]), \(twoDigits(day)) \(months[month - 1]) \(year) "
            + "\(clock.joined(separator: ":")) GMT"
    }

    /// The same as the Messages API writes it (RFC 3339): `1994-11-06T08:49:37Z`.
    static func internetText(_ time: Duration) -> String {
        let seconds = Self.seconds(time)
        let (year, month, day) = date(daysSince1970: seconds / 86_400)
        let clock = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map(twoDigits)
        return "\(year)-\(twoDigits(month))-\(twoDigits(day))T\(clock.joined(separator: ":"))Z"
    }

    /// Never less than none, nor more than a year of four digits has.
    private static func seconds(_ time: Duration) -> Int {
        Int(min(max(0, time.components.seconds), 253_402_300_799))
    }

    /// The Gregorian date of a day: years of 365.2425 days that begin in March, so that the leap day
    /// is a year's last (Howard Hinnant, "chrono-compatible low-level date algorithms").
    private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
