// Why a value was refused.
//
// The reason is a sentence and not an enum: it goes to people only and nothing branches on it. It
// may quote parts of the value, except where the value is secret.

/// The reason why a value was refused.
package struct InvalidValue: Error, Equatable {
    /// What is wrong, for people; says nothing of the key, the source or what is allowed.
    package let reason: String
    /// Whether the value may hold a password, so that it must not be shown.
    package let hidesValue: Bool

    package init(_ reason: String, hidesValue: Bool = false) {
        self.reason = reason
        self.hidesValue = hidesValue
    }
}
