//! The index follows the volumes and can be deleted.

use super::*;

#[test]
fn tables_of_the_index_end_where_volumes_do_so_that_nothing_is_read_again() {
    let mut random = Random::new();
    let mut case = Case::new();
    for _ in 0..6 {
        case.fill(&mut random, 100_000);
        case.wait_sealed();
        case.wait_settled();
        let dir = case.dir.join("index");
        let runs = || RealFiles.list(&dir).unwrap();
        let before = runs();
        case.close();
        case.open().unwrap();
        case.wait_settled();
        // A run that did not fit its volume would have been made anew, under another name.
        assert_eq!(runs().last(), before.last());
    }
    assert!(case.manifest().volumes().len() > 5);
    case.check(&mut random);
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn an_index_that_was_deleted_is_built_again_while_reads_by_position_go_on() {
    let mut random = Random::new();
    let mut case = Case::new();
    case.fill(&mut random, 300_000);
    case.wait_sealed();
    case.close();
    fs::remove_dir_all(case.dir.join("index")).unwrap();
    case.open().unwrap();
    case.check_forwards(1, 10_000);
    case.append(&mut random);
    case.check(&mut random);
    case.wait_settled();
    case.check(&mut random);
    assert_eq!(*case.faults.lock().unwrap(), Vec::<String>::new());
}
