//! What to do where the bucket does not let CloudFront in.

use super::Place;
use crate::account::command::quoted;
use crate::account::facts::Held;
use crate::causes::remedy::{Case, Remedy, capital};
use crate::causes::s3_origin::asks::{Asks, Refused, Unsigned};
use crate::causes::s3_origin::grant::{Grant, action};
use crate::viewer::plain;

pub(super) fn not_granted(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let (id, bucket) = (case.id(), &place.bucket);
    let Some(met) = place.met else { return super::unread(case, place) };
    if super::lets_in_now(case, place) {
        return case.mended(&format!("the policy of {bucket} that was read last lets {id} in."));
    }
    // What was read before may have been changed since, and a policy that is put replaces another.
    if met.held != Held::Holds {
        return Remedy::new(format!(
            "Read the policy of {bucket} first: what it said during the refusals is not known."
        ))
        .step(place.read_policy())
        .step("CloudTrail keeps each policy that was put (PutBucketPolicy, requestParameters).")
        .step("If a statement denies, an Allow does not help: see what the Deny tests.");
    }
    if let Some(question) = &met.signing {
        return Remedy::new(format!(
            "Find out first whether CloudFront signs what it asks {bucket}: its origin access control \
             is not known."
        ))
        .step(question.command())
        .step(
            "Where it is of the type s3 and signs always, the policy must let \
             cloudfront.amazonaws.com in; else mend the origin access control.",
        )
        .step(place.read_policy());
    }
    match &met.grant {
        Grant::Granted { .. } => {
            return case.mended(&format!("the policy of {bucket} lets {id} read."));
        }
        Grant::Unknown { .. } => return super::unread(case, place),
        _ => {}
    }
    // Who does not sign, or signs as nobody, gains nothing by a grant.
    let gone = met.refused == Some(Refused::IdentityGone);
    match &met.asks {
        Asks::Unsigned(why) => return sign_first(case, place, why),
        Asks::Identity(identity) if gone => {
            return Remedy::new(format!(
                "Give the origin of {bucket} an origin access control: its origin access identity \
                 {} does not exist any more.",
                plain(identity)
            ))
            .step(create_control(bucket))
            .step(attach(case, place))
            .step(add_whole(case, place))
            .step(place.put_policy());
        }
        _ => {}
    }
    let methods = case.methods();
    let whom = match &met.asks {
        Asks::Identity(identity) => {
            format!("the origin access identity {} of {id}", plain(identity))
        }
        _ => format!("distribution {id}"),
    };
    match &met.refused {
        Some(Refused::Condition(name, keys))
            if keys.iter().any(|key| key.to_ascii_lowercase().starts_with("s3:existingobjecttag")) =>
        {
            Remedy::new(format!(
                "Tag the objects of {bucket} that should be public; the policy lets {id} read no others."
            ))
            .step(format!(
                "aws s3api get-object-tagging --bucket {bucket} --key {}",
                place.key
            ))
            .step(format!(
                "{} asks for {}. A grant without it would publish every object.",
                capital(name),
                keys.join(", ")
            ))
        }
        Some(Refused::Condition(name, keys))
            if met.asks == Asks::Signed && keys.iter().all(|key| is_source(key)) =>
        {
            undo(
                case,
                Remedy::new(format!("Let distribution {id} read {bucket}."))
                    .step(place.read_policy())
                    .step(format!(
                        "In {name} add {} to the values of {}; several may stand there in a list.",
                        case.arn(),
                        keys.join(" and ")
                    ))
                    .step(place.put_policy()),
            )
        }
        Some(Refused::Resource(name)) => undo(
            case,
            Remedy::new(format!(
                "If viewers are meant to read these paths, let {whom} read them in {bucket}."
            ))
            .step(place.read_policy())
            .step(format!(
                "Add to the Resource of {name} the folder that is meant, for example {}; the whole \
                 bucket would open the rest as well.",
                folder(case, place)
            ))
            .step(place.put_policy()),
        ),
        Some(Refused::Action(name)) if methods.iter().any(|method| action(method) != "s3:GetObject") => {
            let mut actions: Vec<&str> = methods.iter().map(|method| action(method)).collect();
            actions.dedup();
            Remedy::new(format!(
                "If viewers are meant to {} through {id}, allow {} to {whom}; if not, take these \
                 methods off {}.",
                methods.join(", "),
                actions.join(", "),
                case.behavior_name()
            ))
            .step(case.show_behavior("AllowedMethods.Items"))
            .step(place.read_policy())
            .step(format!(
                "Put it into a statement of its own beside {name}, for the folder that is meant, for \
                 example {}. Whoever reaches the distribution can then write there.",
                folder(case, place)
            ))
            .step(place.put_policy())
        }
        Some(Refused::NoPolicy) => undo(
            case,
            Remedy::new(format!("Let {whom} read {bucket}: it has no policy."))
                .step(format!(
                    "put-bucket-policy replaces all that may have been put since. Save as policy.json: \
                     {{ \"Version\": \"2012-10-17\", \"Statement\": [ {} ] }}",
                    statement(case, place, &met.asks)
                ))
                .step(place.put_policy()),
        ),
        _ => undo(
            case,
            Remedy::new(format!("Let {whom} read {bucket}."))
                .step(place.read_policy())
                .step(format!("Add to its Statement {}", statement(case, place, &met.asks)))
                .step(place.put_policy()),
        ),
    }
}

/// Where the policy was changed just before, undoing that is a way as well.
fn undo(case: &Case<'_>, remedy: Remedy) -> Remedy {
    let undo = match case.change {
        Some("PutBucketPolicy") => {
            Some("Or put back what the change before the first refusal took away.")
        }
        Some("DeleteBucketPolicy") => {
            Some("Or put the policy back that was deleted before the first refusal.")
        }
        _ => None,
    };
    remedy.and(undo.map(str::to_owned))
}

fn is_source(key: &str) -> bool {
    matches!(key.to_ascii_lowercase().as_str(), "aws:sourcearn" | "aws:sourceaccount")
}

/// A folder of the bucket that holds one of the keys, as an ARN.
fn folder(case: &Case<'_>, place: &Place<'_>) -> String {
    let key = case.viewer.and_then(|sent| sent.key.as_deref());
    let folder = key.and_then(|key| key.rsplit_once('/')).map(|(folder, _)| folder);
    match (folder, key) {
        (Some(folder), _) => format!("{}/{folder}/*", bucket_arn(case, place)),
        (None, Some(key)) => format!("{}/{key}", bucket_arn(case, place)),
        (None, None) => format!("{}/FOLDER/*", bucket_arn(case, place)),
    }
}

fn partition<'a>(case: &Case<'a>) -> &'a str {
    case.arn().split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws")
}

fn bucket_arn(case: &Case<'_>, place: &Place<'_>) -> String {
    format!("arn:{}:s3:::{}", partition(case), place.bucket)
}

/// An origin access identity as a principal: by its canonical user, which has no blanks that a
/// line could be broken at, where that is known.
fn identity_principal(case: &Case<'_>, identity: &str) -> String {
    let canonical = case.facts.and_then(|facts| facts.identities.get(identity)?.known());
    match canonical {
        Some(user) => format!("{{ \"CanonicalUser\": \"{}\" }}", plain(user)),
        None => format!(
            "{{ \"AWS\": \"arn:{}:iam::cloudfront:user/CloudFront Origin Access Identity {}\" }}",
            partition(case),
            plain(identity)
        ),
    }
}

/// The statement that lets this distribution read, as whoever it asks.
fn statement(case: &Case<'_>, place: &Place<'_>, asks: &Asks) -> String {
    let (principal, condition) = match asks {
        Asks::Identity(identity) => (identity_principal(case, identity), String::new()),
        Asks::Signed | Asks::Unsigned(_) => (
            "{ \"Service\": \"cloudfront.amazonaws.com\" }".to_owned(),
            format!(
                ", \"Condition\": {{ \"StringEquals\": {{ \"AWS:SourceArn\": \"{}\" }} }}",
                case.arn()
            ),
        ),
    };
    format!(
        "{{ \"Effect\": \"Allow\", \"Principal\": {principal}, \"Action\": \"s3:GetObject\", \
         \"Resource\": \"{}/*\"{condition} }}",
        bucket_arn(case, place)
    )
}

pub(super) fn create_control(bucket: &str) -> String {
    format!(
        "aws cloudfront create-origin-access-control --origin-access-control-config \
         Name={bucket},SigningProtocol=sigv4,SigningBehavior=always,OriginAccessControlOriginType=s3"
    )
}

pub(super) fn attach(case: &Case<'_>, place: &Place<'_>) -> String {
    let origin = place.origin.map_or_else(|| "ID".to_owned(), |one| plain(&one.id));
    format!(
        "Once the policy lets it in, set its Id as OriginAccessControlId of the origin \"{origin}\" of \
         {}, with an S3OriginConfig whose OriginAccessIdentity is empty (update-distribution).",
        case.id()
    )
}

/// CloudFront asks without a signature: a grant to it would not be met.
fn sign_first(case: &Case<'_>, place: &Place<'_>, why: &Unsigned) -> Remedy {
    let bucket = &place.bucket;
    let met = place.met;
    let suffices = met.is_some_and(|met| met.signed_suffices);
    let then = (!suffices).then(|| add_whole(case, place));
    let put = (!suffices).then(|| place.put_policy());
    let update = |id: &str| format!("aws cloudfront get-origin-access-control --id {}", quoted(id));
    let remedy = match why {
        Unsigned::Never(id) => Remedy::new(format!(
            "Let CloudFront sign what it asks {bucket}: set SigningBehavior of the origin access \
             control {} to always.",
            plain(id)
        ))
        .step(update(id))
        .step("update-origin-access-control takes the whole config, with the ETag as --if-match."),
        Unsigned::OtherType(id, kind) => Remedy::new(format!(
            "Give the origin of {bucket} an origin access control of the type s3: {} is one for {}.",
            plain(id),
            plain(kind)
        ))
        .step(create_control(bucket))
        .step(attach(case, place)),
        Unsigned::Gone(id) => Remedy::new(format!(
            "Give the origin of {bucket} an origin access control: {}, which it names, does not \
             exist any more.",
            plain(id)
        ))
        .step(create_control(bucket))
        .step(attach(case, place)),
        Unsigned::CustomOrigin => Remedy::new(format!(
            "Make {bucket} an S3 origin with an origin access control: as a custom origin it is asked \
             without a signature."
        ))
        .step(create_control(bucket))
        .step(format!("{} Take its CustomOriginConfig away.", attach(case, place))),
        Unsigned::NoControl | Unsigned::Website => Remedy::new(format!(
            "Give the origin of {bucket} an origin access control: CloudFront asks it without a \
             signature."
        ))
        .step(create_control(bucket))
        .step(attach(case, place)),
    };
    let cut = met.is_some_and(|met| met.refused == Some(Refused::CutOff)).then(|| {
        "Or switch RestrictPublicBuckets off again, if everybody may read the bucket past \
         CloudFront too."
            .to_owned()
    });
    remedy.and(then).and(put).and(cut.filter(|_| suffices))
}

/// Where CloudFront signs from now on, the statement that lets it in.
pub(super) fn add_whole(case: &Case<'_>, place: &Place<'_>) -> String {
    let statement = statement(case, place, &Asks::Signed);
    match place.facts.is_some_and(|facts| facts.policy.is_nothing()) {
        true => format!(
            "Then let it in: save as policy.json {{ \"Version\": \"2012-10-17\", \"Statement\": [ \
             {statement} ] }}"
        ),
        false => format!(
            "Then let it in: save the policy (get-bucket-policy) as policy.json, add to its Statement \
             {statement}"
        ),
    }
}

pub(super) fn denied(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let (id, bucket) = (case.id(), &place.bucket);
    if super::lets_in_now(case, place) {
        return case.mended(&format!("the policy of {bucket} that was read last lets {id} in."));
    }
    let met = place.met;
    let Some(Refused::Denied(name, tests, resources)) = met.and_then(|met| met.refused.as_ref())
    else {
        return Remedy::new(format!("See what the Deny in the policy of {bucket} tests."))
            .step(place.read_policy())
            .step(
                "A Deny that spares some addresses refuses CloudFront's, which change: let it spare \
                 this distribution by AWS:SourceArn in their place.",
            );
    };
    let tested = tests.join("; ");
    let about = |word: &str| tests.iter().any(|test| test.to_ascii_lowercase().contains(word));
    let quote = match tests.is_empty() {
        true => format!("{} denies {} without a condition.", capital(name), resources.join(", ")),
        false => format!("{} denies where {tested}.", capital(name)),
    };
    let perhaps = met.is_some_and(|met| matches!(met.grant, Grant::PerhapsDenied(_))).then(|| {
        "CloudFront's addresses change; a Deny that spares some others refuses them.".to_owned()
    });
    let signed = met.is_some_and(|met| met.asks == Asks::Signed);
    if tests.is_empty() {
        return Remedy::new(format!(
            "If viewers are meant to read these paths, take them out of the Deny in the policy of \
             {bucket}; if it is meant, leave it."
        ))
        .step(format!("{quote} Narrow its Resource in between:"))
        .step(place.read_policy())
        .step(place.put_policy());
    }
    if about("aws:securetransport") && place.website() {
        return Remedy::new(format!(
            "Ask {bucket} by its REST endpoint with an origin access control: a website endpoint is \
             asked by plain HTTP only, and the policy denies that."
        ))
        .step(quote)
        .step(create_control(bucket))
        .step("The REST endpoint knows no index documents below the root and no redirects.");
    }
    if about("aws:securetransport") {
        return Remedy::new(format!(
            "Let viewers ask by HTTPS: CloudFront asks {bucket} as viewers ask it, and the policy \
             denies plain HTTP."
        ))
        .step(quote)
        .step(format!(
            "Set {} to redirect-to-https; leave the Deny as it is.",
            case.behavior_name()
        ))
        .step(case.show_behavior("ViewerProtocolPolicy"));
    }
    let spare = if signed {
        format!(
            "Add to its Condition, under StringNotEquals, \"AWS:SourceArn\": \"{}\": it then spares \
             this distribution and nobody else.",
            case.arn()
        )
    } else {
        "CloudFront asks without an origin access control here, so that the Deny cannot tell it from \
         others: give the origin one first."
            .to_owned()
    };
    Remedy::new(format!(
        "If viewers are meant to get in, let the Deny in the policy of {bucket} spare {id}."
    ))
    .step(match perhaps {
        Some(perhaps) => format!("{quote} {perhaps}"),
        None => quote,
    })
    .step(place.read_policy())
    .step(spare)
    .step(place.put_policy())
}

pub(super) fn website(place: &Place<'_>) -> Remedy {
    let bucket = &place.bucket;
    let refused = place.met.and_then(|met| met.refused.as_ref());
    let remedy = Remedy::new(format!(
        "Ask {bucket} by its REST endpoint with an origin access control, or make it public."
    ));
    let public = "A website endpoint is asked without a signature: only what everybody may read is \
                  served, and everybody can then read it past CloudFront, its WAF and its signatures.";
    let rest = "The REST endpoint knows no index documents below the root and no redirects.";
    match refused {
        None => remedy
            .step("What it allows is not known for certain; read that first:")
            .step(match place.facts.is_some_and(|facts| facts.policy.is_nothing()) {
                true => format!("aws s3api get-public-access-block --bucket {bucket}"),
                false => place.read_policy(),
            })
            .step(public)
            .step(rest),
        Some(Refused::CutOff) => remedy
            .step(create_control(bucket))
            .step(rest)
            .step(format!("Public it is again without RestrictPublicBuckets. {public}"))
            .step(format!("aws s3api get-public-access-block --bucket {bucket}")),
        Some(_) => remedy.step(create_control(bucket)).step(rest).step(public),
    }
}
