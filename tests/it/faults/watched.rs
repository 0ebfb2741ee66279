//! Whether the record of steps is complete: what it says is what is on the disk.

use std::collections::BTreeMap;

use super::{
    disk::{Disk, Image},
    process::Process,
    shim::World,
    steps,
    story::{self, Reported},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_steps_makes_up_all_that_the_server_has_written() {
    let world = World::new();
    let mut disk = Disk::of(world.root());
    let mut reported = Reported::default();
    for until in [12, 24] {
        let before = reported.count();
        let server = Process::start(&world, None);
        let client = server.client().await.expect("it serves");
        story::append(&world, &client, &mut reported, until).await;
        assert_eq!(reported.count(), until, "{:?}", reported.refused);
        story::check(&client, reported.bounds()).await;
        story::until_sealed(&server, &reported, before).await;
        let (status, said) = server.stop().await;
        assert!(status.success(), "{said:#?}");
    }
    let steps = steps::read(&world.steps());
    for step in &steps {
        assert!(!step.failed, "{step:?}");
        disk.apply(step);
    }
    let different = disk.visible().differences(&Image::of(world.root()));
    assert_eq!(different, Vec::<String>::new(), "changed in a way that the shim does not see");
    let mut kinds: BTreeMap<_, usize> = BTreeMap::new();
    for step in &steps {
        *kinds.entry(step.kind()).or_default() += 1;
    }
    println!("{} steps: {kinds:#?}", steps.len());
}
