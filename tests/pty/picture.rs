//! The picture of the desk in the readme: its generator runs and gives well-formed XML.

#[path = "../../examples/screenshot/svg.rs"]
mod svg;

use qlib_pro::domain::Role;

/// Fails on a tag that is not closed, a stray `&`, or characters XML does not know.
fn is_well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tagged) = rest.split_at(at);
        for (i, _) in before.match_indices('&') {
            let entity = &before[i..];
            assert!(
                ["&amp;", "&lt;", "&gt;", "&quot;"].iter().any(|e| entity.starts_with(e)),
                "{entity:.20}"
            );
        }
        assert!(before.chars().all(|c| c == '\n' || !c.is_control()), "{before:?}");
        let end = tagged.find('>').expect("a tag ends");
        let tag = &tagged[1..end];
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
        rest = &tagged[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

#[test]
fn the_picture_is_made_by_the_program_itself() {
    let made = svg::picture(Role::Trader, (120, 36)).unwrap();
    is_well_formed(&made);
    assert!(made.starts_with("<svg ") && made.contains("Watchlist") && made.contains("SIMULATED"));
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/screen.svg")).unwrap();
    is_well_formed(&kept);
    let size = |text: &str| text.split('>').next().unwrap().to_string();
    assert_eq!(size(&kept), size(&made), "run: cargo run --example screenshot");
}
