//! The numbers that clients get as `errorCode`: one table.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $meaning:literal;)*) => {
        /// Why a request was not done, as the client protocol numbers it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ErrorCode {
            $(#[doc = $meaning] $name = $number,)*
        }

        impl ErrorCode {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What goes on the wire.
            #[must_use]
            pub fn number(self) -> u8 {
                self as u8
            }

            /// The code with this number.
            #[must_use]
            pub fn from_number(number: u64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// What it is called here, for operators: one word.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What it means, for people.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

codes! {
    Uid = 1, "uid missing or invalid";
    Rid = 2, "rid missing or invalid";
    Mid = 3, "mid missing or invalid";
    Sid = 4, "sid missing or invalid";
    Jsep = 5, "jsep missing or invalid";
    Sdp = 6, "sdp missing, or nothing in it that can be used";
    Minfo = 7, "minfo missing or invalid";
    NoSuchStream = 8, "no such published stream";
    NoSuchSubscription = 9, "no such subscription";
    NoSfu = 10, "no SFU available";
    NoRegister = 11, "no register available";
    SfuSilent = 12, "the SFU did not answer";
    RegisterSilent = 13, "the register did not answer";
    Internal = 14, "unknown method, or an internal error";
    NotJoined = 15, "not in this room: join first";
    NotAllowed = 16, "not allowed";
    Limit = 17, "a limit is reached";
    TooMany = 18, "too many requests";
    Data = 19, "data missing or of the wrong shape";
    Draining = 20, "the node is draining: connect again";
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.meaning())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_twenty_and_they_go_both_ways() {
        assert_eq!(ErrorCode::ALL.len(), 20);
        for (code, number) in ErrorCode::ALL.iter().zip(1u8..) {
            assert_eq!(code.number(), number);
            assert_eq!(ErrorCode::from_number(number.into()), Some(*code));
        }
        assert_eq!(ErrorCode::from_number(0), None);
        assert_eq!(ErrorCode::from_number(21), None);
    }
}
