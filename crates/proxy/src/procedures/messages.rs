//! GET_MIC, VERIFY, WRAP, UNWRAP and WRAP_SIZE_LIMIT, with the context that the client carries.

use kerbstone_gss::{Context, MajorStatus, Oid, Order};

use super::clerk::Clerk;
use super::contexts::{self, ContextForm};
use super::failure::{Failure, Outcome, status};
use super::minor::Minor;
use crate::wire::{
    self, CallContext, GetMicArgs, GetMicResult, Opaque, UnwrapArgs, UnwrapResult, VerifyArgs,
    VerifyResult, WrapArgs, WrapResult, WrapSizeLimitArgs, WrapSizeLimitResult,
};

impl Clerk<'_> {
    /// Signs a message.
    pub(super) fn get_mic(&mut self, args: &GetMicArgs) -> Outcome<GetMicResult> {
        check_quality(args.qop)?;
        let (mut context, form) = self.established(&args.call_context, &args.context)?;
        let token = context.get_mic(&args.message).into();
        Ok(GetMicResult {
            status: status(&Oid::KRB5, MajorStatus::COMPLETE, None),
            context: Some(contexts::write(context, form, self.now)),
            token,
            qop: Some(args.qop),
        })
    }

    /// Verifies a signature.
    pub(super) fn verify(&mut self, args: &VerifyArgs) -> Outcome<VerifyResult> {
        let (mut context, form) = self.established(&args.call_context, &args.context)?;
        let order = context.verify_mic(&args.message, &args.token)?;
        Ok(VerifyResult {
            status: status(&Oid::KRB5, place(order), None),
            context: Some(contexts::write(context, form, self.now)),
            qop: Some(0),
        })
    }

    /// Seals a message.
    pub(super) fn wrap(&mut self, args: &WrapArgs) -> Outcome<WrapResult> {
        check_quality(args.qop)?;
        let message = single(&args.message)?;
        let (mut context, form) = self.established(&args.call_context, &args.context)?;
        let token = context.wrap(args.confidential, message, &mut rand::rng());
        Ok(WrapResult {
            status: status(&Oid::KRB5, MajorStatus::COMPLETE, None),
            context: Some(contexts::write(context, form, self.now)),
            token: vec![token.into()],
            confidential: Some(args.confidential),
            qop: Some(args.qop),
        })
    }

    /// Opens a sealed message.
    pub(super) fn unwrap(&mut self, args: &UnwrapArgs) -> Outcome<UnwrapResult> {
        let token = single(&args.token)?;
        let (mut context, form) = self.established(&args.call_context, &args.context)?;
        let unwrapped = context.unwrap(token)?;
        Ok(UnwrapResult {
            status: status(&Oid::KRB5, place(unwrapped.order), None),
            context: Some(contexts::write(context, form, self.now)),
            message: vec![unwrapped.message.into()],
            confidential: Some(unwrapped.confidential),
            qop: Some(args.qop),
        })
    }

    /// How long a message may be.
    pub(super) fn wrap_size_limit(
        &mut self,
        args: &WrapSizeLimitArgs,
    ) -> Outcome<WrapSizeLimitResult> {
        check_quality(args.qop)?;
        let (context, _) = self.established(&args.call_context, &args.context)?;
        let limit = usize::try_from(args.output_size).unwrap_or(usize::MAX);
        let longest = context.wrap_size_limit(args.confidential, limit);
        Ok(WrapSizeLimitResult {
            status: status(&Oid::KRB5, MajorStatus::COMPLETE, None),
            max_input_size: u64::try_from(longest).unwrap_or(u64::MAX),
        })
    }

    fn established(
        &mut self,
        call: &CallContext,
        context: &wire::Context,
    ) -> Outcome<(Context, ContextForm)> {
        let form = ContextForm::wanted(call)?;
        let context = contexts::read(context)?;
        self.initiator = Some(context.initiator_name().to_string());
        self.target = Some(context.acceptor_name().to_string());
        Ok((context, form))
    }
}

/// The protocol has room for pieces; no client sends more than one, and none is an empty message.
fn single(pieces: &[Opaque]) -> Result<&[u8], Failure> {
    match pieces {
        [] => Ok(&[]),
        [whole] => Ok(whole),
        _ => Err(Failure::malformed("the message is in more than one piece")),
    }
}

fn check_quality(qop: u64) -> Result<(), Failure> {
    if qop == 0 {
        return Ok(());
    }
    Err(Failure::new(MajorStatus::BAD_QOP, Minor::UNKNOWN_QOP))
}

const fn place(order: Order) -> MajorStatus {
    match order {
        Order::InOrder => MajorStatus::COMPLETE,
        Order::Gap => MajorStatus::GAP_TOKEN,
        Order::Duplicate => MajorStatus::DUPLICATE_TOKEN,
        Order::Old => MajorStatus::OLD_TOKEN,
        Order::Unsequenced => MajorStatus::UNSEQ_TOKEN,
    }
}
