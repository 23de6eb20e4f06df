use proptest::prelude::*;

use super::super::{ContainerError, InjectOptions, Piece};
use super::synthetic::{Shape, build, sign};
use super::*;
use crate::image::ImageError;
use crate::image::pe::resources::{GROUP_ICON, ICON, Name, RCDATA, Resource};

fn inject(image: &[u8], blob_len: u64) -> Result<super::super::Plan, ContainerError> {
    super::inject(image, blob_len, &InjectOptions::default())
}

fn shapes() -> impl Strategy<Value = Shape> {
    let alignment = prop_oneof![Just(0x200u32), Just(0x800), Just(0x1000)];
    let bss = prop_oneof![Just(0u32), 1..5u32, 0xff0..0x1010u32, 0..3_000_000u32];
    let tail = prop_oneof![Just(0usize), 1..9usize, 0xff0..0x1010usize];
    (
        alignment,
        0..20_000usize,
        bss,
        1..9usize,
        tail,
        any::<bool>(),
    )
        .prop_map(
            |(alignment, code, bss, free_headers, tail, checksum)| Shape {
                alignment,
                code,
                bss,
                free_headers,
                tail,
                checksum,
            },
        )
}

fn resources() -> impl Strategy<Value = Vec<Resource>> {
    let name = || {
        prop_oneof![
            any::<u16>().prop_map(Name::Id),
            "[a-zA-Zß_]{1,8}".prop_map(|name| Name::text(&name)),
        ]
    };
    let data = proptest::collection::vec(any::<u8>(), 0..3000);
    let key = (name(), name(), 0..3u16);
    let all = proptest::collection::btree_map(key, data, 0..12);
    all.prop_map(|all| {
        let all = all.into_iter();
        all.map(|((kind, name, language), data)| Resource {
            kind,
            name,
            language,
            data,
        })
        .collect()
    })
}

/// Every resource of a section, read in the order of its tables by other means than those that
/// wrote it.
fn read_tree(section: &[u8], rva: usize) -> Vec<(Name, Name, u16, Vec<u8>)> {
    let half = |at: usize| u16::from_le_bytes(section[at..at + 2].try_into().unwrap());
    let word = |at: usize| u32::from_le_bytes(section[at..at + 4].try_into().unwrap());
    let table = |at: usize| -> Vec<(Name, usize)> {
        let texts = half(at + 12);
        let rows = (0..texts + half(at + 14)).map(|row| {
            let entry = at + 16 + 8 * usize::from(row);
            let (key, child) = (word(entry), word(entry + 4));
            assert_eq!(key >> 31 == 1, row < texts, "names stand before numbers");
            let name = if row < texts {
                let at = (key & 0x7fff_ffff) as usize;
                let units = (1..=usize::from(half(at))).map(|unit| half(at + 2 * unit));
                Name::Text(units.collect())
            } else {
                Name::Id(key as u16)
            };
            (name, child as usize)
        });
        let rows: Vec<_> = rows.collect();
        assert!(
            rows.is_sorted_by(|one, next| one.0 < next.0),
            "in ascending order"
        );
        rows
    };
    let below = |entry: usize| {
        assert_eq!(entry >> 31, 1, "a directory");
        table(entry & 0x7fff_ffff)
    };
    let mut out = Vec::new();
    for (kind, names) in table(0) {
        for (name, languages) in below(names) {
            for (language, leaf) in below(languages) {
                let Name::Id(language) = language else {
                    panic!("a language is a number");
                };
                let start = word(leaf) as usize - rva;
                let data = section[start..start + word(leaf + 4) as usize].to_vec();
                out.push((kind.clone(), name.clone(), language, data));
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out_and_the_stub_comes_back(shape in shapes(), blob in proptest::collection::vec(any::<u8>(), 1..5000), gui in any::<bool>()) {
        let stub = build(&shape);
        let options = InjectOptions { gui, ..InjectOptions::default() };
        let plan = super::inject(&stub, blob.len() as u64, &options).unwrap();
        let app = plan.assemble(&blob);
        prop_assert_eq!(app.len() as u64, plan.total_len());
        prop_assert_eq!(app.len() % shape.alignment as usize, 0);
        let slot = detect(&app).unwrap().unwrap();
        let range = slot.blob.unwrap();
        prop_assert_eq!(range.start % 0x1000, 0);
        prop_assert_eq!(range.start, plan.blob_offset());
        prop_assert_eq!(&app[range.start as usize..range.end as usize], &blob[..]);
        prop_assert!(!verify(&app).unwrap().altered);
        let subsystem = Image::parse(&app).unwrap().unwrap().optional.subsystem.get(Le).0;
        prop_assert_eq!(subsystem, if gui { 2 } else { 3 });
        prop_assert_eq!(remove(&app).unwrap(), stub.clone());

        // A signature on top, as other tools put it there, changes none of that.
        let signed = sign(&app);
        prop_assert!(!verify(&signed).unwrap().altered);
        prop_assert_eq!(remove(&signed).unwrap(), stub);
        let again = super::inject(&signed, blob.len() as u64, &options).unwrap();
        prop_assert_eq!(again.assemble(&blob), app);
    }

    #[test]
    fn injecting_again_replaces(shape in shapes(), first in 1..100_000u64, second in 1..5000usize) {
        let stub = build(&shape);
        let blob = vec![3; second];
        let once = inject(&stub, second as u64).unwrap().assemble(&blob);
        let other = inject(&stub, first).unwrap().assemble(&vec![1; first as usize]);
        prop_assert_eq!(inject(&other, second as u64).unwrap().assemble(&blob), once);
    }

    #[test]
    fn resources_stand_beside_the_blob(resources in resources()) {
        let stub = build(&Shape::default());
        let options = InjectOptions { resources: resources.clone(), ..InjectOptions::default() };
        let taken = (Name::Id(RCDATA), Name::text("OXIDIZE"), 0);
        let mut wanted: Vec<_> = resources.into_iter().map(|r| (r.kind, r.name, r.language, r.data)).collect();
        prop_assume!(wanted.iter().all(|r| (&r.0, &r.1, r.2) != (&taken.0, &taken.1, taken.2)));
        wanted.push((taken.0, taken.1, taken.2, b"blob".to_vec()));
        wanted.sort();
        let app = super::inject(&stub, 4, &options).unwrap().assemble(b"blob");
        verify(&app).unwrap();
        let section = Image::parse(&app).unwrap().unwrap().find_section(*b".rsrc\0\0\0").unwrap();
        let bytes = &app[section.offset as usize..][..section.file_size as usize];
        prop_assert_eq!(read_tree(bytes, section.address as usize), wanted);
        prop_assert_eq!(remove(&app).unwrap(), stub);
    }

    #[test]
    fn changed_bytes_never_panic_and_what_goes_in_comes_out(
        edits in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<bool>()), 1..5),
        injected in any::<bool>(),
    ) {
        let mut image = build(&Shape::default());
        if injected {
            image = inject(&image, 100).unwrap().assemble(&[5; 100]);
        }
        for (at, value, header) in edits {
            let at = at % if header { 0x200 } else { image.len() };
            image[at] = value;
        }
        let _ = (verify(&image), remove(&image), target(&image));
        let before = detect(&image);
        if let Ok(plan) = inject(&image, 10)
            && plan.total_len() < 1 << 24
        {
            let app = plan.assemble(&[1; 10]);
            let range = detect(&app).unwrap().unwrap().blob.unwrap();
            prop_assert_eq!(&app[range.start as usize..range.end as usize], &[1; 10]);
            let stub = remove(&app).unwrap();
            if before.unwrap().unwrap().blob.is_none() {
                prop_assert_eq!(stub, image);
            }
            prop_assert_eq!(inject(&app, 10).unwrap().assemble(&[1; 10]), app);
        }
    }
}

#[test]
fn a_certificate_is_cut_off_first() {
    let stub = build(&Shape::default());
    let signed = sign(&stub);
    assert_ne!(signed, stub);
    let app = inject(&signed, 4).unwrap().assemble(b"blob");
    assert_eq!(app, inject(&stub, 4).unwrap().assemble(b"blob"));
    assert_eq!(remove(&app).unwrap(), stub);

    let mut trailing = signed;
    trailing.push(0);
    assert!(matches!(
        inject(&trailing, 4),
        Err(ContainerError::Image(ImageError::Malformed {
            structure: "certificate table",
            ..
        }))
    ));
}

#[test]
fn a_stub_without_room_is_refused() {
    let full = build(&Shape {
        free_headers: 0,
        alignment: 0x200,
        ..Shape::default()
    });
    // The section table of three ends at 0x1f0, so the next one would reach into the code.
    assert_eq!(
        inject(&full, 1),
        Err(ContainerError::Incomplete {
            missing: "no room for one more section header"
        })
    );
    let mut with_resources = build(&Shape::default());
    let at = Image::parse(&with_resources)
        .unwrap()
        .unwrap()
        .directory_at(RESOURCES);
    with_resources[at] = 1;
    assert!(matches!(
        inject(&with_resources, 1),
        Err(ContainerError::Incomplete { .. })
    ));
}

#[test]
fn a_header_may_end_behind_the_certificates() {
    let injected = inject(&build(&Shape::default()), 5)
        .unwrap()
        .assemble(b"short");
    let optional = Image::parse(&injected).unwrap().unwrap().optional_at;
    for count in 0..=16_u32 {
        let mut short = injected.clone();
        short[optional + 108..optional + 112].copy_from_slice(&count.to_le_bytes());
        // Address and size of a directory left out count as zeros.
        assert_eq!(
            crate::internal::container::extract(&short).is_ok(),
            count > 4,
            "{count}"
        );
        let _ = crate::internal::container::verify(&short);
        let _ = super::remove(&short);
    }
}

#[test]
fn what_windows_would_not_load_is_refused() {
    let stub = build(&Shape::default());
    for len in [0, 2_040_109_465, 1 << 31, u64::MAX - 9, u64::MAX] {
        assert!(
            matches!(inject(&stub, len), Err(ContainerError::TooLarge(_))),
            "{len}"
        );
    }
    let plan = inject(&stub, 2_000_000_000).unwrap();
    let held = plan.pieces().iter().map(|piece| match piece {
        Piece::Bytes(bytes) => bytes.len(),
        _ => 0,
    });
    assert!(held.sum::<usize>() < 1 << 20);
}

#[test]
fn a_flipped_byte_is_noticed_wherever_it_is() {
    let stub = build(&Shape::default());
    let app = inject(&stub, 5000).unwrap().assemble(&[7; 5000]);
    for at in (0..app.len()).step_by(37) {
        let mut broken = app.clone();
        broken[at] ^= 0x40;
        let noticed = match verify(&broken) {
            Ok(verified) => verified.altered,
            Err(_) => true,
        };
        assert!(
            noticed,
            "the byte at {at:#x} was flipped and nobody noticed"
        );
    }
}

/// As tools do that write all resources anew.
#[test]
fn a_moved_resource_is_found_by_its_name() {
    let stub = build(&Shape::default());
    let blob: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8).collect();
    let mut app = inject(&stub, 5000).unwrap().assemble(&blob);
    let start = detect(&app).unwrap().unwrap().blob.unwrap().start as usize;
    let section = Image::parse(&app)
        .unwrap()
        .unwrap()
        .find_section(*b".rsrc\0\0\0");
    let section = section.unwrap().offset as usize;
    let (leaf, (address, _)) = resources::find_blob(&app[section..]).unwrap();
    app[section + leaf..][..4].copy_from_slice(&(address + 8).to_le_bytes());
    app.copy_within(start..start + 5000, start + 8);
    let found = detect(&app).unwrap().unwrap().blob.unwrap();
    assert!(app[found.start as usize..found.end as usize] == blob);
    assert!(verify(&app).unwrap().altered);
    assert_eq!(remove(&app), Err(ContainerError::Altered));
    assert_eq!(inject(&app, 5000), Err(ContainerError::Altered));
    // Nowhere in the file.
    app[section + leaf..][..4].copy_from_slice(&0x7fff_0000u32.to_le_bytes());
    assert!(verify(&app).is_err());
}

#[test]
fn a_tool_that_rewrites_headers_is_told_from_damage() {
    let stub = build(&Shape::default());
    let app = inject(&stub, 100).unwrap().assemble(&[7; 100]);
    assert!(!verify(&app).unwrap().altered);
    let image = Image::parse(&app).unwrap().unwrap();
    let code = image.sections().next().unwrap().offset as usize;
    let entry = image.optional_at + 16;
    let time = image.file_at + 4;
    let checksum = image.checksum_at();
    let with = |places: &[usize]| {
        let mut other = app.clone();
        places.iter().for_each(|at| other[*at] ^= 1);
        verify(&other)
    };
    // Nothing but its checksum: the file is not what was written, the program is.
    assert!(with(&[checksum]).unwrap().altered);
    assert!(with(&[time]).unwrap().altered);
    // Addresses, rights and sizes that Windows reads: protections, the versions it compares, the
    // stack, and directories that a stub does not have, the header of .NET among them.
    let fields = [70, 40, 48, 52, 72, 80, 88, 96].map(|at| image.optional_at + at);
    let directories = [0, 1, 3, 5, 7, 9, 10, 11, 12, 13, 14].map(|index| image.directory_at(index));
    let fields: Vec<[usize; 1]> = fields
        .into_iter()
        .chain(directories)
        .map(|at| [at])
        .collect();
    let characteristics = [image.file_at + 19];
    let fields = fields.iter().map(|at| &at[..]);
    let damages = [
        &[code][..],
        &[code, checksum],
        &[code, time],
        &[entry],
        &characteristics,
    ];
    for damaged in damages.into_iter().chain(fields) {
        let error = with(damaged).unwrap_err();
        assert!(
            matches!(error, ContainerError::Damaged(_)),
            "{damaged:?}: {error}"
        );
    }
}

/// Whoever changes a header may correct the checksum as well. What Windows reads is damage; the
/// rest is another tool's work.
#[test]
fn no_flipped_bit_of_the_headers_passes() {
    let stub = build(&Shape::default());
    for app in [
        inject(&stub, 100).unwrap().assemble(&[7; 100]),
        sign(&inject(&stub, 100).unwrap().assemble(&[7; 100])),
    ] {
        let image = Image::parse(&app).unwrap().unwrap();
        let (checksum, optional) = (image.checksum_at(), image.optional_at);
        let headers = image.optional.size_of_headers.get(Le) as usize;
        let names = image
            .sections()
            .map(|section| section.header..section.header + 8);
        // For tools: the text for DOS, time stamp and symbols, the linker's version, sums that
        // nobody loads by, the version of the program, obsolete flags; the checksum itself; debug
        // information and certificates; what sections say for linkers, and the rest behind the
        // table.
        let mut for_tools = vec![
            2..0x3c,
            0x40..image.file_at - 4,
            image.file_at + 4..image.file_at + 16,
            optional + 2..optional + 16,
            optional + 20..optional + 24,
            optional + 44..optional + 48,
            optional + 104..optional + 108,
            checksum..checksum + 4,
            image.directory_at(4)..image.directory_at(5),
            image.directory_at(6)..image.directory_at(7),
        ];
        for name in names {
            let header = name.start;
            // How much of the file it has; where that is counts for what is loaded alone.
            let size = header + 16..header + 20;
            for_tools.extend([name, size, header + 24..header + 36]);
            if app[header + 16..header + 20] == [0; 4] {
                for_tools.push(header + 20..header + 24);
            }
        }
        let sections = usize::from(image.file.number_of_sections.get(Le));
        let table = image.sections().next().unwrap().header;
        for_tools.push(table + sections * 40..headers);
        // What was stripped. And the choice between console and desktop, which injection writes
        // and no record holds: the other one is a whole program, too.
        let flags = (image.file_at + 18) * 8;
        let stripped = [flags + 2, flags + 3, flags + 9];
        let desktop = (optional + 68) * 8;
        let mut passed = Vec::new();
        for bit in 0..headers * 8 {
            let mut other = app.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let sum = checksum_of(&other, checksum);
            other[checksum..checksum + 4].copy_from_slice(&sum.to_le_bytes());
            let is_for_tools = for_tools.iter().any(|range| range.contains(&(bit / 8)));
            if let Ok(verified) = verify(&other)
                && bit != desktop
            {
                let is_told = verified.altered || other == app;
                if !is_told || !(is_for_tools || stripped.contains(&bit)) {
                    passed.push(format!("{:#x}.{} {}", bit / 8, bit % 8, verified.altered));
                }
            }
        }
        assert_eq!(passed, Vec::<String>::new());
    }
}

#[test]
fn other_files_are_not_ours() {
    let mut no_slot = build(&Shape::default());
    let at = no_slot
        .windows(8)
        .position(|name| name == b".oxidesc")
        .unwrap();
    no_slot[at + 1] = b'x';
    let mut narrow = build(&Shape::default());
    narrow[0x80 + 24] = 0x0b;
    narrow[0x80 + 25] = 0x01;
    let no_header = [&b"MZ"[..], &[0xff; 200]].concat();
    for bytes in [&b""[..], b"MZ", &no_header, &no_slot, &narrow] {
        assert_eq!(detect(bytes), Ok(None));
        assert_eq!(inject(bytes, 1), Err(ContainerError::NoSlot));
        assert_eq!(remove(bytes), Err(ContainerError::NoSlot));
    }
    let stub = build(&Shape::default());
    assert_eq!(remove(&stub), Err(ContainerError::Empty));
    assert_eq!(verify(&stub), Err(ContainerError::Empty));
    assert_eq!(target(&stub), Some(oxidize_format::Target::X86_64_WINDOWS));
}

#[test]
fn no_cut_panics() {
    let app = inject(&build(&Shape::default()), 4)
        .unwrap()
        .assemble(b"blob");
    for end in 0..app.len() {
        let image = &app[..end];
        let _ = (
            detect(image),
            inject(image, 9),
            remove(image),
            verify(image),
        );
    }
}

#[test]
fn an_icon_file_becomes_a_group_and_its_images() {
    let mut ico = vec![0, 0, 1, 0, 2, 0];
    for (size, len, at) in [(16u8, 3u8, 38u8), (32, 5, 41)] {
        ico.extend_from_slice(&[size, size, 0, 0, 1, 0, 32, 0, len, 0, 0, 0, at, 0, 0, 0]);
    }
    ico.extend_from_slice(b"oneother");
    let resources = Resource::icon(&ico).unwrap();
    let kinds: Vec<_> = resources
        .iter()
        .map(|r| (r.kind.clone(), r.name.clone()))
        .collect();
    let id = |kind, name| (Name::Id(kind), Name::Id(name));
    assert_eq!(kinds, [id(ICON, 1), id(ICON, 2), id(GROUP_ICON, 1)]);
    assert_eq!(
        (&resources[0].data[..], &resources[1].data[..]),
        (&b"one"[..], &b"other"[..])
    );
    let group = &resources[2].data;
    assert_eq!(group.len(), 6 + 2 * 14);
    assert_eq!(
        group[6 + 14..],
        [32, 32, 0, 0, 1, 0, 32, 0, 5, 0, 0, 0, 2, 0]
    );
    for end in 0..ico.len() {
        assert!(Resource::icon(&ico[..end]).is_err(), "cut at {end}");
    }
    assert!(Resource::icon(b"\x89PNG\r\n\x1a\n").is_err());

    let twice = InjectOptions {
        resources: [resources.clone(), resources].concat(),
        ..InjectOptions::default()
    };
    let stub = build(&Shape::default());
    assert!(matches!(
        super::inject(&stub, 1, &twice),
        Err(ContainerError::Image(ImageError::Resource(_)))
    ));
}
