//! The causes that the doctor knows, each with a stable word for logs and scripts, and with a
//! sentence and an advice for people.

use std::fmt;

/// The cause of a signature mismatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The signature matches.
    Genuine,
    /// There is no signature header.
    HeaderAbsent,
    /// The header has no value.
    HeaderEmpty,
    /// The MAC is written in hex.
    Hex,
    /// The MAC is written in the URL-safe alphabet.
    UrlSafe,
    /// The `=` at the end is missing.
    Unpadded,
    /// The unused bits of the Base64 are not zero.
    NonCanonical,
    /// One header contains several values.
    List,
    /// The value is in quotes.
    Quoted,
    /// The value has a prefix such as `sha256=`.
    Prefixed,
    /// The value is percent-encoded.
    PercentEncoded,
    /// Spaces replace each `+`.
    PlusAsSpace,
    /// The value contains line breaks or spaces.
    Broken,
    /// The value is Base64 of the MAC's hex text.
    HexInBase64,
    /// The value contains only a part of the MAC.
    Truncated,
    /// The value cannot be a MAC.
    NotASignature,
    /// The value has the length of another algorithm's MAC.
    OtherLength,
    /// The sender's key ends in a newline.
    SenderSecretNewline,
    /// The sender's key has a space at its beginning or end.
    SenderSecretSpaces,
    /// The sender's key has quotes around it.
    SenderSecretQuotes,
    /// The sender decodes the secret from hex.
    SenderSecretHexDecoded,
    /// The sender decodes the secret from Base64.
    SenderSecretBase64Decoded,
    /// The sender's key is empty.
    SenderSecretEmpty,
    /// The secret here has an extra newline.
    SecretNewline,
    /// The secret here has spaces around it.
    SecretSpaces,
    /// The secret here has quotes around it.
    SecretQuotes,
    /// The secret here begins with a byte order mark.
    SecretBom,
    /// The secret here is UTF-16.
    SecretUtf16,
    /// The secret here contains an invisible character.
    SecretInvisible,
    /// The secret here ends in an escaped newline.
    SecretEscapedNewline,
    /// The secret here is inside JSON.
    SecretJson,
    /// The secret here is a line of a configuration file.
    SecretAssignment,
    /// The secret here has more than one line.
    SecretLines,
    /// The secret here was decoded, while the sender uses its text.
    SecretDecoded,
    /// The secrets differ in upper and lower case.
    SecretCase,
    /// The sender signed an empty body.
    EmptyBodySigned,
    /// The body has a newline at its end that was not signed.
    NewlineAdded,
    /// The body lost the newline at its end.
    NewlineLost,
    /// The body has spaces around it that were not signed.
    SpaceAdded,
    /// LF became CRLF, or CRLF became LF.
    LineEnds,
    /// A byte order mark was added or removed.
    BodyBom,
    /// The body's character encoding was changed.
    Charset,
    /// The body was form- or percent-encoded or -decoded.
    FormEncoding,
    /// The body was Base64-encoded or -decoded.
    BodyBase64,
    /// JSON was wrapped into a JSON string or unwrapped.
    JsonInString,
    /// The JSON was parsed and serialized again.
    JsonReSerialized,
    /// The sender uses HMAC with SHA-1.
    HmacSha1,
    /// The sender uses HMAC with SHA-384.
    HmacSha384,
    /// The sender uses HMAC with SHA-512.
    HmacSha512,
    /// The signature is a plain SHA-256 of the body.
    PlainSha256,
    /// The signature is a plain hash of secret and body.
    HashOfBoth,
    /// The sender swaps key and message.
    Swapped,
    /// The body is compressed, and the sender may have signed the uncompressed body.
    CompressedBody,
    /// No known mistake explains the mismatch.
    AnotherSecret,
}

impl Cause {
    /// Returns a stable word for logs and scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.known().0
    }

    /// Returns the cause as a sentence without its full stop.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.known().1
    }

    /// Returns the advice as a sentence without its full stop.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        self.known().2
    }

    /// Returns word, sentence and advice. One line per cause keeps them complete.
    #[rustfmt::skip]
    const fn known(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Genuine => ("genuine", "the signature matches", "nothing needs to be done"),
            Self::HeaderAbsent => ("header-absent", "the request has no signature header", "check whether a proxy on the way drops it, and whether its name is the one set here"),
            Self::HeaderEmpty => ("header-empty", "the signature header is empty", "check whether the sender has a secret and writes the value"),
            Self::Hex => ("hex", "the signature is written in hex", "encode the MAC's 32 bytes in Base64 instead"),
            Self::UrlSafe => ("url-safe", "the signature is written in the URL-safe alphabet", "use standard Base64, with + and /"),
            Self::Unpadded => ("unpadded", "the signature lacks the = at its end", "use Base64 with padding"),
            Self::NonCanonical => ("non-canonical", "the signature is another spelling of the same bytes", "its last letter was changed on the way; compare it with the value that the sender wrote"),
            Self::List => ("list", "the header contains several values", "send the value once; a proxy on the way may have joined two headers"),
            Self::Quoted => ("quoted", "the signature is in quotes", "send the value without them"),
            Self::Prefixed => ("prefixed", "the signature has a prefix", "send the Base64 value alone"),
            Self::PercentEncoded => ("percent-encoded", "the signature is percent-encoded", "send the value without percent-encoding; headers are not URLs"),
            Self::PlusAsSpace => ("plus-as-space", "the signature has spaces instead of +", "use the raw value of the header; the value was form-decoded on the way"),
            Self::Broken => ("broken", "the signature contains spaces or line breaks", "use a Base64 function that does not wrap its lines"),
            Self::HexInBase64 => ("hex-in-base64", "the signature is Base64 of the MAC's hex text", "encode the MAC's raw bytes (a raw or binary digest), not its hex form"),
            Self::Truncated => ("truncated", "the signature is incomplete", "send all 44 characters"),
            Self::NotASignature => ("not-a-signature", "the header's value is neither Base64 nor hex", "send Base64 of the HMAC-SHA256, 44 characters"),
            Self::OtherLength => ("other-length", "the signature does not have the length of an HMAC-SHA256", "use HMAC with SHA-256"),
            Self::SenderSecretNewline => ("sender-secret-newline", "the sender's secret ends in a newline", "drop the newline where the sender reads its secret"),
            Self::SenderSecretSpaces => ("sender-secret-spaces", "the sender's secret has a space at its beginning or end", "trim it where the sender reads its secret"),
            Self::SenderSecretQuotes => ("sender-secret-quotes", "the sender's secret has quotes around it", "remove them where the sender reads its secret"),
            Self::SenderSecretHexDecoded => ("sender-secret-hex-decoded", "the sender decodes the secret from hex", "use the secret's text as the key, as it is shown"),
            Self::SenderSecretBase64Decoded => ("sender-secret-base64-decoded", "the sender decodes the secret from Base64", "use the secret's text as the key, as it is shown"),
            Self::SenderSecretEmpty => ("sender-secret-empty", "the sender signs with an empty secret", "check whether the sender's variable for it is set"),
            Self::SecretNewline => ("secret-newline", "the secret here has an extra newline", "write the secret to its file with one newline or none"),
            Self::SecretSpaces => ("secret-spaces", "the secret here has spaces around it", "remove them from the file or variable"),
            Self::SecretQuotes => ("secret-quotes", "the secret here has quotes around it", "remove them from the file or variable"),
            Self::SecretBom => ("secret-bom", "the secret's file begins with a byte order mark", "save the file as UTF-8 without BOM"),
            Self::SecretAssignment => ("secret-assignment", "the secret's file contains a line of a configuration file (NAME=secret, name: secret, - secret)", "leave only the secret in it"),
            Self::SecretUtf16 => ("secret-utf16", "the secret's file is saved as UTF-16", "save the file as UTF-8 without BOM"),
            Self::SecretInvisible => ("secret-invisible", "the secret here contains an invisible character, such as a no-break or zero-width space", "copy the secret again, or type its ends"),
            Self::SecretEscapedNewline => ("secret-escaped-newline", "the secret here ends in a backslash and a letter instead of a newline", "remove both (printf '%s' writes no newline)"),
            Self::SecretJson => ("secret-json", "the secret's file contains JSON around the secret", "leave only the secret in it"),
            Self::SecretLines => ("secret-lines", "the secret's file contains more than one line", "leave only the secret in it"),
            Self::SecretDecoded => ("secret-decoded", "the secret here was decoded before it was saved", "save the secret's text as it is shown"),
            Self::SecretCase => ("secret-case", "the secrets differ in upper and lower case", "copy the secret as it is shown"),
            Self::EmptyBodySigned => ("empty-body-signed", "the sender signed an empty body", "sign the body that is sent; perhaps a stream had already been read"),
            Self::NewlineAdded => ("newline-added", "the body ends in a newline that was not signed", "send exactly the signed bytes (echo and editors add one)"),
            Self::NewlineLost => ("newline-lost", "the body lost the newline at its end", "send exactly the signed bytes (curl -d drops it, --data-binary does not)"),
            Self::SpaceAdded => ("space-added", "the body has space around it that was not signed", "send exactly the signed bytes"),
            Self::LineEnds => ("line-ends", "the line endings of the body were changed", "send and keep the body as bytes, not as text"),
            Self::BodyBom => ("body-bom", "a byte order mark was added to the body, or removed", "send and keep the body as bytes, not as text"),
            Self::Charset => ("charset", "the body's character encoding was changed", "send and keep the body as bytes, not as text"),
            Self::FormEncoding => ("form-encoding", "the body was form-encoded or form-decoded after it was signed", "sign the bytes that are sent"),
            Self::BodyBase64 => ("body-base64", "the body was encoded in Base64 or decoded from it", "use the original bytes; some gateways pass bodies in Base64"),
            Self::JsonInString => ("json-in-string", "the JSON was wrapped into a JSON string or taken out of one", "do not encode the JSON a second time"),
            Self::JsonReSerialized => ("json-re-serialized", "the JSON was parsed and serialized again", "use the raw body from before any parser"),
            Self::HmacSha1 => ("hmac-sha1", "the sender uses HMAC with SHA-1", "use SHA-256"),
            Self::HmacSha384 => ("hmac-sha384", "the sender uses HMAC with SHA-384", "use SHA-256"),
            Self::HmacSha512 => ("hmac-sha512", "the sender uses HMAC with SHA-512", "use SHA-256"),
            Self::PlainSha256 => ("plain-sha256", "the signature is a plain SHA-256 of the body, made without a secret", "use HMAC-SHA256; a plain hash protects nothing"),
            Self::HashOfBoth => ("hash-of-both", "the signature is a plain SHA-256 of secret and body", "use HMAC-SHA256"),
            Self::Swapped => ("swapped", "the sender swaps key and message", "the secret is the key, the body the message"),
            Self::CompressedBody => ("compressed-body", "the body is compressed; perhaps the uncompressed body was signed", "sign the bytes that are sent, or send the body uncompressed"),
            Self::AnotherSecret => ("another-secret", "another secret, or a body changed in an unknown way", "compare the secrets first, then the length of the body at sender and receiver"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.sentence())
    }
}
