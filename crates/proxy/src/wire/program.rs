use kerbstone_xdr::rpc::Program;
use kerbstone_xdr::{Schema, TypeRef, Writer, Xdr, XdrError, from_bytes};

use super::{
    AcceptSecContextArgs, AcceptSecContextResult, AcquireCredArgs, AcquireCredResult,
    ExportCredArgs, ExportCredResult, GetCallContextArgs, GetCallContextResult, GetMicArgs,
    GetMicResult, ImportAndCanonNameArgs, ImportAndCanonNameResult, ImportCredArgs,
    ImportCredResult, IndicateMechsArgs, IndicateMechsResult, InitSecContextArgs,
    InitSecContextResult, ReleaseHandleArgs, ReleaseHandleResult, StoreCredArgs, StoreCredResult,
    UnwrapArgs, UnwrapResult, VerifyArgs, VerifyResult, WrapArgs, WrapResult, WrapSizeLimitArgs,
    WrapSizeLimitResult,
};
use super::{CallContext, Status};

/// The program's number.
pub const PROGRAM: u32 = 400_112;

/// The program's one version.
pub const VERSION: u32 = 1;

/// The program as a server offers it. There is no procedure 0.
pub(super) const SERVED: Program = Program {
    number: PROGRAM,
    version: VERSION,
    procedures: 1..=15,
};

/// The types of a procedure, for the interface file.
pub(super) struct Signature {
    pub(super) procedure: Procedure,
    pub(super) args: TypeRef,
    pub(super) result: TypeRef,
}

macro_rules! procedures {
    ($($number:literal $name:literal $variant:ident($args:ident) -> $result:ident;)*) => {
        /// What can be asked.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u32)]
        pub enum Procedure {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant = $number,
            )*
        }

        impl Procedure {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its number in a call's header.
            pub const fn number(self) -> u32 {
                self as u32
            }

            /// The procedure of that number.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its name in the protocol, such as `INIT_SEC_CONTEXT`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        /// What a client asks: a procedure and its arguments.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[allow(
            clippy::large_enum_variant,
            reason = "it is held once and handed on by reference: a box would cost an allocation"
        )]
        pub enum Call {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant($args),
            )*
        }

        impl Call {
            /// Which procedure is called.
            pub const fn procedure(&self) -> Procedure {
                match self {
                    $(Self::$variant(_) => Procedure::$variant,)*
                }
            }

            /// What the client says of itself.
            pub const fn context(&self) -> &CallContext {
                match self {
                    $(Self::$variant(args) => &args.call_context,)*
                }
            }

            /// Writes the arguments.
            pub fn encode(&self, out: &mut Writer) {
                match self {
                    $(Self::$variant(args) => args.encode(out),)*
                }
            }

            /// Reads the arguments of a procedure, to the last byte.
            ///
            /// # Errors
            /// Whatever [`XdrError`] says: the server answers GARBAGE_ARGS.
            pub fn decode(procedure: Procedure, args: &[u8]) -> Result<Self, XdrError> {
                Ok(match procedure {
                    $(Procedure::$variant => Self::$variant(from_bytes(args)?),)*
                })
            }
        }

        /// What a server answers: a procedure's result.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[allow(clippy::large_enum_variant, reason = "as for a call")]
        pub enum Reply {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant($result),
            )*
        }

        impl Reply {
            /// Which procedure was called.
            pub const fn procedure(&self) -> Procedure {
                match self {
                    $(Self::$variant(_) => Procedure::$variant,)*
                }
            }

            /// How it went.
            pub const fn status(&self) -> &Status {
                match self {
                    $(Self::$variant(result) => &result.status,)*
                }
            }

            /// Writes the result.
            pub fn encode(&self, out: &mut Writer) {
                match self {
                    $(Self::$variant(result) => result.encode(out),)*
                }
            }

            /// Reads the result of a procedure, to the last byte.
            ///
            /// # Errors
            /// Whatever [`XdrError`] says.
            pub fn decode(procedure: Procedure, result: &[u8]) -> Result<Self, XdrError> {
                Ok(match procedure {
                    $(Procedure::$variant => Self::$variant(from_bytes(result)?),)*
                })
            }
        }

        $(
            impl From<$args> for Call {
                fn from(args: $args) -> Self {
                    Self::$variant(args)
                }
            }

            impl From<$result> for Reply {
                fn from(result: $result) -> Self {
                    Self::$variant(result)
                }
            }
        )*

        /// Declares the types of every procedure.
        pub(super) fn declare(schema: &mut Schema) -> Vec<Signature> {
            vec![$(
                Signature {
                    procedure: Procedure::$variant,
                    args: $args::declare(schema),
                    result: $result::declare(schema),
                },
            )*]
        }
    };
}

procedures! {
    1 "INDICATE_MECHS" IndicateMechs(IndicateMechsArgs) -> IndicateMechsResult;
    2 "GET_CALL_CONTEXT" GetCallContext(GetCallContextArgs) -> GetCallContextResult;
    3 "IMPORT_AND_CANON_NAME"
        ImportAndCanonName(ImportAndCanonNameArgs) -> ImportAndCanonNameResult;
    4 "EXPORT_CRED" ExportCred(ExportCredArgs) -> ExportCredResult;
    5 "IMPORT_CRED" ImportCred(ImportCredArgs) -> ImportCredResult;
    6 "ACQUIRE_CRED" AcquireCred(AcquireCredArgs) -> AcquireCredResult;
    7 "STORE_CRED" StoreCred(StoreCredArgs) -> StoreCredResult;
    8 "INIT_SEC_CONTEXT" InitSecContext(InitSecContextArgs) -> InitSecContextResult;
    9 "ACCEPT_SEC_CONTEXT" AcceptSecContext(AcceptSecContextArgs) -> AcceptSecContextResult;
    10 "RELEASE_HANDLE" ReleaseHandle(ReleaseHandleArgs) -> ReleaseHandleResult;
    11 "GET_MIC" GetMic(GetMicArgs) -> GetMicResult;
    12 "VERIFY" Verify(VerifyArgs) -> VerifyResult;
    13 "WRAP" Wrap(WrapArgs) -> WrapResult;
    14 "UNWRAP" Unwrap(UnwrapArgs) -> UnwrapResult;
    15 "WRAP_SIZE_LIMIT" WrapSizeLimit(WrapSizeLimitArgs) -> WrapSizeLimitResult;
}
