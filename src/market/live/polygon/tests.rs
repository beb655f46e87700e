//! What of the stream can be seen without a connection; the rest is tried against the vendor on loopback.

use super::*;

#[tokio::test]
async fn a_subscription_that_could_not_be_sent_is_told_as_a_gap() {
    let nobody = Address::parse("http://127.0.0.1:1", crate::domain::vendor::STREAM_HOSTS).unwrap();
    let mut stream = PolygonStream::new(nobody, Box::new(|| Ok("SECRETKEY123456".into())), Timing::default());
    stream.untold = Some(ended("the stream broke"));
    let mut out = Vec::new();
    assert!(stream.next(&mut out).await);
    assert_eq!(out, [LiveEvent::Gap { reason: "the stream broke".into() }]);
    assert!(stream.socket.is_none() && stream.not_before > Instant::now());
}
