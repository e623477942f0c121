//! What to do where the object itself is the matter: missing, under another key, archived.

use super::Place;
use crate::account::bucket;
use crate::account::command::quoted;
use crate::causes::Cause;
use crate::causes::remedy::{Case, Remedy};
use crate::causes::s3_origin::asks::Asks;
use crate::causes::s3_origin::grant::Grant;
use crate::causes::s3_origin::key::{KeyState, Near};
use crate::causes::s3_origin::met::{ErrorPage, Turned};
use crate::viewer::plain;

/// Where AWS describes it.
pub(super) const ARCHIVED: &str =
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html";
pub(super) const ERROR_PAGES: &str = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-procedure.html";
const ROOT: &str =
    "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DefaultRootObject.html";

pub(super) fn missing(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let bucket = &place.bucket;
    let function = case.alternatives.contains(&Cause::EdgeFunction).then(|| {
        "A function at the edge may ask the bucket for another key than the path says.".to_owned()
    });
    if let Some(KeyState::Absent { doubted: true }) = place.key_state() {
        return Remedy::new(format!(
            "Look whether the keys are in {bucket}, and deploy what is missing: the listing is of \
             another moment."
        ))
        .step(place.head())
        .and(not_found(case, place))
        .and(function);
    }
    if matches!(place.key_state(), Some(KeyState::Later | KeyState::JustWritten)) {
        return case
            .mended(&format!("the objects were written to {bucket} meanwhile."))
            .step("Upload before anything links to it.");
    }
    Remedy::new(format!("Deploy the missing objects to {bucket}, or stop linking to them."))
        .step(
            "Keep what old pages link to (hashed names) for a while after a deployment. Where the \
             bucket has versioning, this tells whether and when a key was deleted:",
        )
        .step(format!(
            "aws s3api list-object-versions --bucket {bucket} --prefix {} --max-items 5",
            place.key
        ))
        .and(not_found(case, place))
        .and(function)
}

/// How a missing key becomes a 404, where that is possible and not so already.
fn not_found(case: &Case<'_>, place: &Place<'_>) -> Option<String> {
    let bucket = &place.bucket;
    let rules = case.distribution().map(|one| one.config.custom_error_responses.items.as_slice());
    let shown = rules.into_iter().flatten().find(|rule| rule.error_code == 403);
    let shown = shown.and_then(|rule| rule.response_code.parse::<u16>().ok());
    let met = place.met?;
    let lists = matches!(met.grant, Grant::Granted { lists: Some(true) });
    let whom = match &met.asks {
        Asks::Signed => "CloudFront".to_owned(),
        Asks::Identity(identity) => format!("the origin access identity {}", plain(identity)),
        // Whoever may list unsigned is everybody.
        Asks::Unsigned(_) => return None,
    };
    if lists || shown == Some(404) {
        return None;
    }
    let root = case.distribution().is_some_and(|one| !one.config.default_root_object.is_empty());
    let root = match root {
        true => "",
        false => "; set a default root object before, or GET / lists the bucket to everybody",
    };
    let grant = format!("grant s3:ListBucket on arn:aws:s3:::{bucket} to {whom}{root}");
    Some(match shown.filter(|code| *code != 403) {
        Some(code) => format!(
            "The custom error response that turns 403 into {code} hides every other refusal too: \
             {grant}, and turn 404 in its place."
        ),
        None => {
            let page = case.distribution().is_some_and(|one| {
                let mut rules = one.config.custom_error_responses.items.iter();
                rules.any(|rule| rule.error_code == 404)
            });
            let page =
                if page { " Only then the custom error response for 404 is used." } else { "" };
            format!("To see 404 in the place of 403 for a missing key, {grant}.{page}")
        }
    })
}

pub(super) fn wrong_path(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let (id, bucket) = (case.id(), &place.bucket);
    let near = match place.key_state() {
        Some(KeyState::Near { how, .. }) => Some(*how),
        _ => None,
    };
    let path = place.origin.map(|origin| origin.origin_path.as_str()).unwrap_or_default();
    let path = if path.is_empty() { "none".to_owned() } else { plain(path) };
    let key = case.viewer.and_then(|sent| sent.key.as_deref());
    let asked = key.map(|key| format!("CloudFront asked for the key {}", plain(key)));
    match near {
        Some(Near::NoRoot) => Remedy::new(format!(
            "Give {id} a default root object, such as index.html: / is asked and it has none."
        ))
        .step(case.show("DefaultRootObject"))
        .step(format!("The object must be in {bucket}, below the origin path ({path})."))
        .see(ROOT),
        Some(Near::RootWithSlash) => Remedy::new(format!(
            "Write the default root object of {id} without the slash at its beginning."
        ))
        .step(case.show("DefaultRootObject"))
        .see(ROOT),
        Some(Near::Folder) => Remedy::new(
            "Let a function at the edge add index.html to paths that name a folder.",
        )
        .step(
            "CloudFront adds it to / alone. A CloudFront Function on viewer-request is enough; \
             linking to the full name helps as well.",
        )
        .and(asked.map(|asked| format!("{asked}; its index.html is there."))),
        Some(Near::Case) => Remedy::new(format!(
            "Link to the keys of {bucket} as they are written, or rename them: upper and lower case \
             differ in S3."
        ))
        .and(asked.map(|asked| format!("{asked}. To see how it is written:")))
        .step(list(place, key)),
        Some(Near::OriginPath) => Remedy::new(format!(
            "Make the origin path of {id} (now {path}) and the keys of {bucket} agree: the path that \
             is asked has it twice, or lacks a folder."
        ))
        .and(asked.map(|asked| format!("{asked}. To see what is there:")))
        .step(list(place, key))
        .step(case.show("Origins.Items[].[Id,OriginPath]")),
        None => Remedy::new(format!("Make the paths that viewers ask for match the keys of {bucket}."))
            .and(asked.map(|asked| format!("{asked}. To see what is there:")))
            .step(list(place, key)),
    }
}

/// The command that lists the keys of the same name.
fn list(place: &Place<'_>, key: Option<&str>) -> String {
    let name = key.and_then(|key| key.rsplit('/').next()).map(str::to_ascii_lowercase);
    let plain = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    match name.filter(plain) {
        Some(name) => format!("aws s3 ls --recursive s3://{} | grep -i {name}", place.bucket),
        None => format!("aws s3 ls --recursive s3://{} | less", place.bucket),
    }
}

pub(super) fn archived(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let (bucket, key) = (&place.bucket, &place.key);
    if place.key_state() == Some(&KeyState::Restored) {
        return case
            .mended(&format!("the objects of {bucket} are restored, for as long as was asked for."))
            .step("To keep them readable, copy them over themselves in another storage class:")
            .step(keep(place));
    }
    // Where several are asked for, the slowest decides how long it takes.
    let mut classes: Vec<&str> = Vec::new();
    for met in case.kinds.iter().filter_map(|kind| kind.bucket.as_ref()) {
        if let KeyState::Archived(class) = &met.key {
            classes.push(class);
        }
    }
    let tier = classes.first().is_some_and(|class| class.ends_with("_ACCESS"));
    let hours = match classes.iter().any(|class| class.starts_with("DEEP_ARCHIVE")) {
        true => "within 12 hours (48 in bulk)",
        false if classes.is_empty() => "within some hours",
        false => "within 3 to 5 hours (12 in bulk)",
    };
    if place.met.is_some_and(|met| met.being_restored) {
        return Remedy::new(format!(
            "Wait: these objects of {bucket} are being restored, {hours}."
        ))
        .step(format!("{} --query Restore", place.head()))
        .step(
            "To keep them readable afterwards, copy them over themselves in another storage class:",
        )
        .step(keep(place));
    }
    let request = if tier { "'{}'" } else { "Days=7" };
    let remedy = Remedy::new(format!(
        "Restore the archived objects of {bucket} that viewers ask for; they come back {hours}."
    ))
    .step(format!(
        "aws s3api restore-object --bucket {bucket} --key {key} --restore-request {request}"
    ));
    if tier {
        return remedy
            .step("This is one of them; the others are those that the report names.")
            .step(
                "Intelligent-Tiering archives again what is not read for long: take these out of its \
                 archive configuration.",
            )
            .step(format!(
                "aws s3api list-bucket-intelligent-tiering-configurations --bucket {bucket}"
            ));
    }
    remedy
        .step("This is one of them, for 7 days. To keep one, when it is restored:")
        .step(keep(place))
        .step("Take what viewers still ask for out of the lifecycle rule.")
}

fn keep(place: &Place<'_>) -> String {
    let source = match place.key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')) {
        Some(key) => format!("'s3://{}/{key}'", place.bucket),
        None => format!("s3://{}/{}", place.bucket, place.key),
    };
    format!("aws s3 cp {source} {source} --storage-class STANDARD --force-glacier-transfer")
}

pub(super) fn error_page(case: &Case<'_>, place: &Place<'_>) -> Remedy {
    let id = case.id();
    let show = case.show("CustomErrorResponses.Items");
    let turned = place.met.and_then(|met| met.turned);
    let page = case.kinds.iter().find_map(|kind| kind.error_page);
    let code = match (turned, page) {
        (Some(Turned::Into403(code)), _) => {
            return Remedy::new(format!(
                "Let the custom error response of {id} for {code} answer {code} in the place of 403."
            ))
            .step(show)
            .step(format!("And what answers {code}: the keys are missing in {}.", place.bucket));
        }
        (Some(Turned::PageRefused(code)), _) | (None, Some(ErrorPage::Refused(code))) => code,
        (None, Some(ErrorPage::OfBucket)) => {
            return Remedy::new(
                "Look whether the bucket that holds the page of an error refuses that page.",
            )
            .step(show);
        }
        (None, None) => return Remedy::new("Correct the custom error response.").step(show),
    };
    let page = case.distribution().and_then(|one| {
        let mut rules = one.config.custom_error_responses.items.iter();
        let page = &rules.find(|rule| rule.error_code == code)?.response_page_path;
        let behavior = one.behavior_for(page.as_bytes());
        let origin = *one.origins_of(behavior).first()?;
        Some((page, bucket::endpoint(&origin.domain_name)?.bucket))
    });
    let Some((page, bucket)) = page else {
        return Remedy::new("Let CloudFront read the page of the custom error response.")
            .step(show);
    };
    let (page, bucket) = (plain(page), quoted(&bucket));
    let key = quoted(page.strip_prefix('/').unwrap_or(&page));
    Remedy::new(format!(
        "Let CloudFront read {page} in {bucket}: the page for {code} is refused there itself."
    ))
    .step(format!("aws s3api head-object --bucket {bucket} --key {key}"))
    .step(format!("aws s3api get-bucket-policy --bucket {bucket} --query Policy --output text"))
    .step(format!(
        "If the object is there, a statement must allow s3:GetObject on it. What viewers asked for \
         answers {code} all the same."
    ))
}
