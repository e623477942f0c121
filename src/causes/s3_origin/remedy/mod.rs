//! What to do about a bucket's 403.

mod encryption;
mod object;
mod policy;

use super::asks::Asks;
use super::grant::{Grant, Lacks};
use super::key::KeyState;
use super::met::Met;
use crate::account::bucket;
use crate::account::command::quoted;
use crate::account::distribution::Origin;
use crate::account::facts::{BucketFacts, Held};
use crate::causes::kind::is_bucket;
use crate::causes::remedy::{Case, Remedy};
use crate::policy as policies;
use crate::viewer::plain;

/// AWS's managed origin request policy for buckets, which sends no Host.
const CORS_S3: &str = "CORS-S3Origin (88a5eaf4-2fd4-4709-b370-b4c650ea3fcf)";

/// The bucket that refused, and what is known of it.
struct Place<'a> {
    /// As a command names it.
    bucket: String,
    origin: Option<&'a Origin>,
    met: Option<&'a Met>,
    facts: Option<&'a BucketFacts>,
    /// The key of one of the objects, as a command names it.
    key: String,
}

impl<'a> Place<'a> {
    fn of(case: &Case<'a>) -> Self {
        let met = case.kinds.iter().find_map(|kind| kind.bucket.as_ref());
        let mut origins = case.origins().into_iter();
        let origin = match met {
            Some(met) => origins.find(|origin| origin.id == met.origin.as_ref()),
            None => origins.find(|origin| is_bucket(origin)),
        };
        let name = match met {
            Some(met) => Some(met.bucket.to_string()),
            None => origin.and_then(|origin| Some(bucket::endpoint(&origin.domain_name)?.bucket)),
        };
        let key = case.viewer.and_then(|sent| sent.key.as_deref());
        Self {
            facts: name.as_ref().zip(case.facts).and_then(|(name, all)| all.buckets.get(name)),
            bucket: name.as_deref().map_or_else(|| "BUCKET".to_owned(), quoted),
            origin,
            met,
            key: key.map_or_else(|| "KEY".to_owned(), quoted),
        }
    }

    fn key_state(&self) -> Option<&'a KeyState> {
        self.met.map(|met| &met.key)
    }

    fn website(&self) -> bool {
        self.met.is_some_and(|met| met.website)
    }

    /// The command that shows an object.
    fn head(&self) -> String {
        format!("aws s3api head-object --bucket {} --key {}", self.bucket, self.key)
    }

    /// The command that shows the policy.
    fn read_policy(&self) -> String {
        format!(
            "aws s3api get-bucket-policy --bucket {} --query Policy --output text > policy.json",
            self.bucket
        )
    }

    /// The command that puts the policy.
    fn put_policy(&self) -> String {
        format!("aws s3api put-bucket-policy --bucket {} --policy file://policy.json", self.bucket)
    }
}

pub(super) fn remedy(case: &Case<'_>) -> Remedy {
    let place = Place::of(case);
    let remedy = match case.detail {
        Some("access-not-granted") => policy::not_granted(case, &place),
        Some("explicit-deny") => policy::denied(case, &place),
        Some("website-not-public") => policy::website(&place),
        Some("kms-denied") => encryption::encrypted(case, &place),
        Some("object-missing") => object::missing(case, &place),
        Some("wrong-path") => object::wrong_path(case, &place),
        Some("archived") => object::archived(case, &place).see(object::ARCHIVED),
        Some("custom-error-page") => object::error_page(case, &place).see(object::ERROR_PAGES),
        Some("host-header-forwarded") => case.keep_host_back(&place.bucket, CORS_S3),
        Some("requester-pays") => Remedy::new(format!(
            "Take requester pays off {}: CloudFront sends no payer.",
            place.bucket
        ))
        .step(format!(
            "aws s3api put-bucket-request-payment --bucket {} --request-payment-configuration \
             Payer=BucketOwner",
            place.bucket
        ))
        .step("From then on its owner pays for what others read of it."),
        _ => open(case, &place),
    };
    // Where the bucket is the second of a group, the first is the reason why it is asked at all.
    let group = place.origin.and_then(|origin| case.group_note(origin));
    if remedy.steps.len() < STEPS { remedy.and(group) } else { remedy }
}

/// Steps of a remedy that a person takes in at once.
const STEPS: usize = 4;

/// That the bucket refuses is known, and why is not: what is left, each with its command.
fn open(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let bucket = &place.bucket;
    if case.methods() == ["OPTIONS"] {
        return Remedy::new(format!("Let a CORS rule of {bucket} allow these preflights."))
            .step(format!("aws s3api get-bucket-cors --bucket {bucket}"))
            .step(
                "AllowedOrigins, AllowedMethods and AllowedHeaders must cover Origin, \
                 Access-Control-Request-Method and -Headers; put-bucket-cors replaces all rules.",
            )
            .step(format!(
                "These three headers must reach the bucket: the origin request policy {CORS_S3} \
                 sends them."
            ));
    }
    if !case.configured() {
        return Remedy::new(format!(
            "Read the configuration of {} and of its bucket: what was read is not what was in force.",
            case.id()
        ))
        .step(case.show("Origins.Items"))
        .step("Your deployments and CloudTrail (UpdateDistribution) tell what it was then.");
    }
    let masked = case.kind().is_some_and(|kind| kind.is_masked());
    let Some(met) = place.met else {
        return unread(case, place);
    };
    if met.contradicted {
        return Remedy::new(format!(
            "Find the policy of {bucket} that was in force: what was read would refuse what was served."
        ))
        .step("CloudTrail keeps each policy that was put (PutBucketPolicy, requestParameters).")
        .step(place.read_policy());
    }
    let Grant::Granted { lists } = &met.grant else { return unread(case, place) };
    let lists = *lists == Some(true);
    match &met.key {
        _ if lists && masked => Remedy::new(format!(
            "Look whether the key is in {bucket}: CloudFront may list it, so that a missing one is a \
             plain 404 and no refusal."
        ))
        .step(place.head()),
        _ if met.served_since => case.mended(&format!("{bucket} served this very path afterwards.")),
        KeyState::Present | KeyState::Archived(_) | KeyState::Sealed { .. } => {
            present(case, place, met)
        }
        KeyState::Absent { .. } if lists && !met.website => Remedy::new(format!(
            "Find out why {bucket} answers 403 for keys that it lacks: CloudFront may list it, so that \
             404 was due."
        ))
        .step(place.read_policy())
        .step("Does a statement deny s3:ListBucket under a condition, such as a prefix?")
        .step(match page_for_404(case) {
            Some(page) => format!("Is {page}, the page for 404, refused by its own bucket?"),
            None => "A policy of the organization (SCP, RCP) can deny it as well.".to_owned(),
        }),
        _ => Remedy::new(format!(
            "Find out whether the key is in {bucket}: its policy lets CloudFront read."
        ))
        .step(place.head())
        .and((!lists).then(|| {
            "A 404 here is what S3 answers CloudFront as 403, because CloudFront may not list the \
             bucket."
                .to_owned()
        })),
    }
}

/// The page that a custom error response sends for 404.
fn page_for_404(case: &Case<'_>) -> Option<String> {
    let mut rules = case.distribution()?.config.custom_error_responses.items.iter();
    let page = &rules.find(|rule| rule.error_code == 404)?.response_page_path;
    (!page.is_empty()).then(|| plain(page))
}

/// The policy allows it and the key is there.
fn present(case: &Case<'_>, place: &Place<'_>, met: &Met) -> Remedy {
    let bucket = &place.bucket;
    let control = place.origin.zip(case.facts).and_then(|(origin, facts)| {
        let id = origin.origin_access_control_id.as_str();
        let control = facts.access_controls.get(id)?.known()?;
        (control.signing_behavior == "no-override").then_some(id)
    });
    let control = control.map(|id| {
        format!(
            "The origin access control {} signs only where the viewer sends no Authorization \
             (no-override): if viewers send one, set SigningBehavior to always.",
            plain(id)
        )
    });
    let host = case.kind().is_some_and(|kind| kind.host_forwarded.is_none()).then(|| {
        "Does the behaviour send the viewer's Host? Its policies were not read.".to_owned()
    });
    let remedy = Remedy::new(format!(
        "Find out why {bucket} refuses what its policy allows: encryption, ownership, a policy above it."
    ))
    .and(control.or(host));
    let sealed = met.asks == Asks::Signed && place.facts.is_none_or(|facts| facts.heads.is_empty());
    let owned = place.facts.is_none_or(|facts| facts.lists_off.known() != Some(&true));
    let questions = [
        (
            sealed,
            "is it encrypted with a key of KMS",
            format!("{} --query SSEKMSKeyId", place.head()),
        ),
        (
            owned,
            "does another account own it",
            format!("aws s3api get-object-acl --bucket {bucket} --key {}", place.key),
        ),
    ];
    let asked: Vec<_> = questions.into_iter().filter(|(asked, ..)| *asked).collect();
    let words: Vec<&str> = asked.iter().map(|(_, words, _)| *words).collect();
    let commands = asked.iter().map(|(.., command)| command.clone()).collect();
    let remedy = match words.is_empty() {
        true => remedy,
        false => remedy
            .step(format!(
                "Of one of the objects: {}? Then the bucket's policy alone does not let CloudFront in.",
                words.join("; ")
            ))
            .steps_of(commands),
    };
    if remedy.steps.len() < STEPS {
        remedy.step("A policy of the organization (SCP, RCP) can deny S3 as well.")
    } else {
        remedy
    }
}

/// What would decide was not read, or cannot be decided by reading it.
fn unread(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let bucket = &place.bucket;
    let named = |part: &str| {
        place
            .origin
            .is_some_and(|one| one.domain_name.contains(part) || one.origin_path.contains(part))
    };
    if named("{{") {
        return Remedy::new(format!(
            "Find out for which tenant of {} it was: what its origin is asked for depends on a \
             parameter of the tenant.",
            case.id()
        ))
        .step(format!(
            "aws cloudfront list-distribution-tenants --association-filter DistributionId={}",
            quoted(case.id())
        ))
        .step(
            "get-distribution-tenant has its Parameters; with the tenant in the bundle, replay.",
        );
    }
    if named(".s3-accesspoint.") {
        return Remedy::new(format!(
            "Read two policies: {bucket} is an access point (its name and its account), and both its \
             policy and that of its bucket must let CloudFront in."
        ))
        .step("aws s3control get-access-point --account-id ACCOUNT --name NAME")
        .step("aws s3control get-access-point-policy --account-id ACCOUNT --name NAME")
        .step("Then get-bucket-policy of the bucket that the first one names.");
    }
    let lacks = match place.met.map(|met| &met.grant) {
        Some(Grant::Unknown { lacks, .. }) => *lacks,
        _ => Lacks::Policy,
    };
    let asks = place.met.map(|met| &met.asks);
    let policy = place.facts.and_then(|facts| facts.policy.known());
    let tagged = policy.is_some_and(|policy| policies::tests(policy, "s3:ExistingObjectTag/"));
    let remedy = match (lacks, asks) {
        (Lacks::Identity, Some(Asks::Identity(identity))) => Remedy::new(format!(
            "Find out whether a principal in the policy of {bucket} is the origin access identity {}.",
            plain(identity)
        ))
        .step(format!(
            "aws cloudfront get-cloud-front-origin-access-identity --id {} --query \
             CloudFrontOriginAccessIdentity.S3CanonicalUserId",
            quoted(identity)
        ))
        .step("A principal that is only an ID beginning with AIDA or AROA was deleted: it is nobody.")
        .step(place.read_policy()),
        (Lacks::PublicAccess, _) => Remedy::new(format!(
            "Find out whether {bucket} is public, and whether that is cut off."
        ))
        .step(format!("aws s3api get-public-access-block --bucket {bucket}"))
        .step(format!("aws s3api get-bucket-acl --bucket {bucket}")),
        (Lacks::Lists, _) => Remedy::new(format!(
            "Find out whether an access list of {bucket} lets CloudFront in: its policy does not."
        ))
        .step(format!("aws s3api get-bucket-ownership-controls --bucket {bucket}"))
        .step(format!("aws s3api get-bucket-acl --bucket {bucket}")),
        (Lacks::Policy, _) => Remedy::new(format!("Read the policy of {bucket} first: it is not known."))
            .step(place.read_policy()),
        (Lacks::Nothing, _) if tagged => Remedy::new(format!(
            "Tag the objects of {bucket} that viewers are meant to get; its policy asks for a tag."
        ))
        .step(place.read_policy()),
        (Lacks::Identity | Lacks::Nothing, _) => Remedy::new(format!(
            "Read the policy of {bucket}: what it says here depends on what no log shows."
        ))
        .step(place.read_policy()),
    };
    let grantee = match asks {
        Some(Asks::Signed) => format!("cloudfront.amazonaws.com with AWS:SourceArn {}", case.arn()),
        Some(Asks::Identity(identity)) => format!("the origin access identity {}", plain(identity)),
        Some(Asks::Unsigned(_)) => "everybody (CloudFront does not sign here)".to_owned(),
        None => case.id().to_owned(),
    };
    match lacks {
        Lacks::Identity => remedy,
        Lacks::PublicAccess => remedy.step(
            "RestrictPublicBuckets cuts a public policy off, IgnorePublicAcls a public access list; \
             an origin access control needs neither to be public.",
        ),
        Lacks::Nothing if tagged => remedy
            .step("A grant that asks for no tag would open all other objects as well. To see the tags of one:")
            .step(format!(
                "aws s3api get-object-tagging --bucket {bucket} --key {}",
                place.key
            )),
        _ => remedy.step(format!(
            "If a statement denies, see what it tests; if none allows {grantee}, that is what is \
             lacking."
        )),
    }
}

/// Whether what is known of the policy is what stands there now, and lets CloudFront in.
fn lets_in_now(case: &Case<'_>, place: &Place<'_>) -> bool {
    let later =
        place.facts.is_some_and(|facts| facts.policy.read_at.is_none_or(|read| read > case.span.1));
    place.met.is_some_and(|met| {
        met.mended
            || (met.held == Held::Changed && later && matches!(met.grant, Grant::Granted { .. }))
    })
}
