"""Video: every frame black where it should be, the rest as it was within a bound, nothing else along."""

from __future__ import annotations

import struct
from io import BytesIO

import av
import numpy as np
import pytest
from instances import Recipe, make_instance, saved
from pydicom import Dataset

from scrub_pixels.decisions.findings import Redaction
from scrub_pixels.errors import CorruptInstance, ProofFailed, Refusal, TooLarge, UnsupportedInstance
from scrub_pixels.frames import Limits, open_instance
from scrub_pixels.frames.encapsulation import encapsulate_whole
from scrub_pixels.frames.syntaxes import TRANSFER_SYNTAXES
from scrub_pixels.frames.video_units import beside_the_picture
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.masks import MaskedPixels, mask, prove, with_pixels

KEY = b"k" * 32
ROWS, COLUMNS, FRAMES = 64, 96, 6
MPEG2, H264, HEVC, MAIN10 = (f"1.2.840.10008.1.2.4.{n}" for n in (100, 102, 107, 108))
CODECS = {MPEG2: "mpeg2video", H264: "libx264", HEVC: "libx265", MAIN10: "libx265"}
BARE = {MPEG2: "mpeg2video", H264: "h264", HEVC: "hevc", MAIN10: "hevc"}
KINDS = [
    (MPEG2, "vob"), (MPEG2, "mpeg"), (MPEG2, "mpegts"), (MPEG2, "mpeg2video"),
    (H264, "mp4"), (H264, "mpegts"), (H264, "h264"),
    (HEVC, "mp4"), (HEVC, "hevc"), (HEVC, "mpegts"), (MAIN10, "mp4"),
]  # fmt: skip
REGION = Region(9, 11, 17, 40)


def picture(number: int) -> np.ndarray:
    """Return a smooth moving picture with bright bars where text would stand, grey levels of Y."""
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    shade = (110 + 60 * np.sin((x + 3 * number) / 9) + 40 * np.cos(y / 7)).clip(20, 230)
    shade[12:22, 14:48:4] = 235
    return shade.astype(np.uint8)


def film(
    syntax: str, container: str, count: int = FRAMES, *, sound: bool = False, title: str = "", flags: str = ""
) -> bytes:
    """Return a video of `count` pictures."""
    target = BytesIO()
    writer = av.open(target, "w", format=container)
    if title:
        writer.metadata["title"] = title
    quiet = {"x265-params": "log-level=none:pools=none"} if CODECS[syntax] == "libx265" else {}
    options = quiet | {"bf": "1" if count > 3 else "0"} | ({"flags": flags} if flags else {})
    track = writer.add_stream(CODECS[syntax], rate=25, options=options)
    track.width, track.height = COLUMNS, ROWS
    track.pix_fmt = "yuv420p10le" if syntax == MAIN10 else "yuv420p"
    voice = writer.add_stream("mp2" if syntax == MPEG2 else "aac", rate=48000) if sound else None
    for number in range(count):
        plain = np.full((ROWS * 3 // 2, COLUMNS), 128, np.uint8)
        plain[:ROWS] = picture(number)
        frame = av.VideoFrame.from_ndarray(plain, "yuv420p").reformat(format=track.pix_fmt)
        frame.pts = number
        writer.mux(track.encode(frame))
    if voice is not None:
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
        noise.sample_rate, noise.pts = 48000, 0
        for part in av.AudioResampler(format=voice.format, layout=voice.layout, rate=48000).resample(noise):
            writer.mux(voice.encode(part))
        writer.mux(voice.encode(None))
    writer.mux(track.encode(None))
    writer.close()
    return target.getvalue()


def instance_of(data: bytes, syntax: str = H264, frames: int = FRAMES, **attributes: object) -> Dataset:
    bits = {"bits_allocated": 16, "bits_stored": 10} if syntax == MAIN10 else {}
    recipe = Recipe(ROWS, COLUMNS, frames, "YBR_PARTIAL_420", syntax=syntax, **bits)
    return make_instance(recipe, pixel_data=encapsulate_whole(data), **attributes)


def redacted(dataset: Dataset, stop: int = FRAMES):
    original = open_instance(saved(dataset))
    masked = mask(original, [Redaction(REGION, FrameSpan(0, stop), "test")])
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    return original, candidate, masked, prove(original, candidate, masked, KEY)


def as_ffmpeg_shows(candidate) -> list[np.ndarray]:
    """Return the frames in grey as another program of the library decodes them."""
    with av.open(BytesIO(candidate.encoded(0))) as file:
        return [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]


@pytest.mark.parametrize(("syntax", "container"), KINDS)
def test_every_frame_is_black_inside_and_as_it_was_outside(syntax: str, container: str) -> None:
    original, candidate, masked, evidence = redacted(instance_of(film(syntax, container), syntax))
    shift = 2 if syntax == MAIN10 else 0
    assert candidate.frames == original.frames == evidence.frames_compared == FRAMES
    assert masked.transfer_syntax_uid == syntax
    for frame in range(FRAMES):
        inside = candidate.stored(frame)[REGION.slices].astype(int) >> shift
        assert abs(inside - [16, 128, 128]).max() <= 4
        shown = original.stored(frame)[40:, :, 0].astype(int) - candidate.stored(frame)[40:, :, 0]
        assert abs(shown).max() >> shift <= 12
    assert max(frame[REGION.slices].max() for frame in as_ffmpeg_shows(candidate)) <= 8
    assert evidence.video is not None and evidence.video.reencoded
    assert evidence.video.lowest_psnr >= 40
    assert not evidence.pixel_data_identical
    assert any("re-encoded" in remark for remark in evidence.remarks)
    assert candidate.dataset.LossyImageCompression == "01"
    assert candidate.dataset.LossyImageCompressionMethod.startswith("ISO_")


def test_only_the_frames_that_were_asked_for_are_black() -> None:
    original, candidate, _, _ = redacted(instance_of(film(H264, "mp4")), stop=2)
    assert candidate.stored(1)[REGION.slices][..., 0].max() <= 20
    assert candidate.stored(2)[REGION.slices][..., 0].max() > 200
    assert np.array_equal(original.stored(5), open_instance(original.dataset).stored(5))


def test_profile_level_rate_and_range_stay() -> None:
    data = film(H264, "mp4")
    _, candidate, _, _ = redacted(instance_of(data))
    with av.open(BytesIO(data)) as before, av.open(BytesIO(candidate.encoded(0))) as after:
        old, new = before.streams.video[0], after.streams.video[0]
        for name in ("name", "profile", "level", "pix_fmt", "color_range", "colorspace"):
            assert getattr(old.codec_context, name) == getattr(new.codec_context, name)
        assert old.average_rate == new.average_rate


@pytest.mark.parametrize("container", ["mp4", "h264"])
def test_a_clean_video_keeps_its_bytes(container: str) -> None:
    original = open_instance(saved(instance_of(film(H264, container))))
    masked = mask(original, ())
    assert masked.identical
    candidate = open_instance(with_pixels(original.dataset, masked))
    assert prove(original, candidate, masked, KEY).pixel_data_identical


def user_data(data: bytes) -> bytes:
    """Return a bare H.264 stream with a name in user data behind its first unit."""
    sei = b"\x06\x05" + bytes([16 + 8]) + bytes(16) + b"DOE^JANE" + b"\x80"
    at = data.index(b"\0\0\1", 4)
    return data[:at] + b"\0\0\1" + sei + data[at:]


@pytest.mark.parametrize(
    "data",
    [
        film(H264, "mp4", sound=True),
        film(H264, "mpegts", sound=True),
        film(H264, "mp4", title="DOE^JANE"),
        film(H264, "mp4") + (8 + 8).to_bytes(4, "big") + b"free" + b"DOE^JANE",
        user_data(film(H264, "h264")),
    ],
    ids=["sound", "sound in a transport stream", "title", "free", "user data"],
)
@pytest.mark.parametrize("redactions", [[], [Redaction(REGION, FrameSpan(0, FRAMES), "test")]])
def test_nothing_comes_along_with_the_picture(data: bytes, redactions: list[Redaction]) -> None:
    original = open_instance(saved(instance_of(data)))
    assert original.surplus
    masked = mask(original, redactions)
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    evidence = prove(original, candidate, masked, KEY)
    assert evidence.video.reencoded == bool(redactions)
    assert b"DOE^JANE" not in masked.value
    with av.open(BytesIO(candidate.encoded(0))) as file:
        assert [stream.type for stream in file.streams] == ["video"]
    if not redactions:
        assert evidence.video.largest_difference == 0


def test_left_out_tracks_are_told() -> None:
    _, _, _, evidence = redacted(instance_of(film(H264, "mp4", sound=True)))
    assert evidence.video.tracks_dropped == 1
    assert any("sound" in remark for remark in evidence.remarks)


def test_undeclared_frames_are_searched_masked_and_declared() -> None:
    original, candidate, masked, evidence = redacted(instance_of(film(H264, "mp4"), frames=2), stop=FRAMES)
    assert original.frames == candidate.frames == evidence.frames == FRAMES
    assert candidate.dataset.NumberOfFrames == FRAMES


def test_fragments_make_one_stream() -> None:
    data = film(H264, "h264")
    dataset = instance_of(data, syntax=f"{H264}.1")
    item = lambda part: b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part  # noqa: E731
    half = len(data) // 4 * 2
    dataset["PixelData"].value = item(b"") + item(data[:half]) + item(data[half:] + b"\0" * (len(data) % 2))
    assert open_instance(saved(dataset)).frames == FRAMES


@pytest.mark.parametrize(
    ("syntax", "data"),
    [
        (H264, film(HEVC, "mp4")),
        (H264, film(MPEG2, "mpegts")),
        (H264, b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"),
        (H264, b"ffconcat version 1.0\nfile /etc/passwd\n"),
        (H264, b"\0\0\0\1" + bytes(500)),
        (H264, film(H264, "h264")[:-900]),
        (H264, film(H264, "mp4")[:-400]),
        (H264, b""),
        (MAIN10, film(HEVC, "mp4")),
    ],
    ids=["codec", "other codec", "playlist", "list", "zeros", "cut", "no index", "empty", "depth"],
)
def test_what_is_no_whole_video_of_its_syntax_is_refused(syntax: str, data: bytes) -> None:
    with pytest.raises(CorruptInstance):
        open_instance(instance_of(data, syntax))


def test_size_and_number_have_to_agree() -> None:
    data = film(H264, "mp4")
    with pytest.raises(CorruptInstance):
        open_instance(instance_of(data, frames=FRAMES + 1))
    with pytest.raises(CorruptInstance):
        open_instance(instance_of(data, Rows=ROWS - 8))
    with pytest.raises(TooLarge):
        open_instance(instance_of(data, frames=2), Limits(max_pixel_bytes=ROWS * COLUMNS * 3 * 3))


def test_the_second_view_of_stereo_video_is_refused() -> None:
    with pytest.raises(UnsupportedInstance):
        open_instance(instance_of(film(H264, "mp4"), syntax=f"{H264[:-1]}6"))
    other_view = film(H264, "h264").replace(b"\0\0\1\x41", b"\0\0\1\x54", 1)
    assert beside_the_picture("h264", other_view)


def test_damaged_videos_are_refused_or_read_but_never_crash() -> None:
    random = np.random.default_rng(0)
    for container in ("mp4", "h264", "mpegts"):
        plain = film(H264, container)
        for _ in range(12):
            data = bytearray(plain)
            for place in random.integers(0, len(data), 6):
                data[place] = random.integers(256)
            try:
                open_instance(instance_of(bytes(data)), Limits(max_pixel_bytes=10**6)).stored(FRAMES - 1)
            except Refusal as refusal:
                assert refusal.message


def test_the_proof_notices_a_redaction_that_is_not_there() -> None:
    original, _, masked, _ = redacted(instance_of(film(H264, "mp4")))
    lie = MaskedPixels(
        encapsulate_whole(film(H264, "mp4")), H264, masked.attributes, masked.redactions, False, False,
        masked.requested, masked.black, vr="OB",
    )  # fmt: skip
    candidate = open_instance(with_pixels(original.dataset, lie))
    with pytest.raises(ProofFailed):
        prove(original, candidate, lie, KEY)


def test_the_proof_notices_another_film() -> None:
    original, _, masked, _ = redacted(instance_of(film(H264, "mp4", count=FRAMES)))
    other = open_instance(with_pixels(original.dataset, masked))
    dark = instance_of(film(H264, "mp4", count=FRAMES))
    dark.PixelData = encapsulate_whole(film(H264, "mp4", count=FRAMES + 1))
    with pytest.raises(ProofFailed):
        prove(open_instance(dark), other, masked, KEY)


def test_every_video_syntax_has_an_encoder() -> None:
    rows = [row for row in TRANSFER_SYNTAXES.values() if row.redaction.value == "video"]
    assert len(rows) == 14
    assert all(row.lossy and row.written_as == row.uid for row in rows)


def test_a_codec_that_nobody_knows_is_refused() -> None:
    """Found by fuzzing: a damaged code leaves a track without any codec."""
    with pytest.raises(CorruptInstance):
        open_instance(instance_of(film(H264, "mp4").replace(b"avc1", b"zzzz")))


@pytest.mark.parametrize("syntax", [HEVC, MAIN10])
def test_user_data_in_the_parameters_of_hevc_goes_too(syntax: str) -> None:
    """x265 signs its streams; in MP4 the signature stands in the configuration record."""
    original = open_instance(saved(instance_of(film(syntax, "mp4"), syntax)))
    assert original.surplus
    masked = mask(original, ())
    candidate = open_instance(with_pixels(original.dataset, masked))
    prove(original, candidate, masked, KEY)
    assert candidate.surplus is None
    assert b"x265" not in masked.value


@pytest.mark.parametrize(("syntax", "container"), [(MPEG2, "mpegts"), (H264, "mp4")])
def test_interlaced_video_stays_interlaced(syntax: str, container: str) -> None:
    data = film(syntax, container, flags="+ildct+ilme")
    _, candidate, _, _ = redacted(instance_of(data, syntax))
    with av.open(BytesIO(candidate.encoded(0))) as file:
        assert all(frame.interlaced_frame for frame in file.decode(video=0))


@pytest.mark.parametrize(("syntax", "count"), [(HEVC, 1), (HEVC, 2), (HEVC, 3), (MAIN10, 1), (H264, 1)])
def test_videos_of_few_pictures_have_times_of_decoding(syntax: str, count: int) -> None:
    """x265 takes them from unwritten memory if it means to reorder more pictures than there are."""
    data, times = film(syntax, "mp4", count), set()
    for _ in range(3):
        candidate = redacted(instance_of(data, syntax, count), count)[1]
        with av.open(BytesIO(candidate.encoded(0))) as file:
            packets = [packet for packet in file.demux(video=0) if packet.size]
            times.add(tuple((packet.pts, packet.dts) for packet in packets))
        assert candidate.frames == count
    ((first, *later),) = times
    assert abs(first[1] - first[0]) * packets[0].time_base <= 1
    assert len(later) == count - 1


def test_a_bitstream_of_odd_length_is_padded_and_otherwise_kept() -> None:
    """Without padding, readers disagree on where the delimiter begins."""
    stream = film(H264, "h264")
    stream += b"\0" * (1 - len(stream) % 2)
    dataset = instance_of(stream)
    dataset.PixelData = dataset.PixelData[:-1].replace(
        struct.pack("<I", len(stream) + 1), struct.pack("<I", len(stream))
    )
    original = open_instance(dataset)
    assert original.odd_items and original.surplus is None
    masked = mask(original, ())
    candidate = open_instance(saved(with_pixels(original.dataset, masked)))
    evidence = prove(original, candidate, masked, KEY)
    assert candidate.encoded(0) == stream + b"\0" and not candidate.odd_items
    assert evidence.video is None or not evidence.video.reencoded
