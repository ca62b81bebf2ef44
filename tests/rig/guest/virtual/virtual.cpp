// What libcamera 0.4's `virtual` pipeline lacks of a Pi's camera, by LD_PRELOAD. Its frames are real requests through the
// real library; here they get what a sensor would add:
// - a time stamp of the frame's start, and a pace: a frame takes 1/30 s, or as long as it is exposed;
// - controls of exposure, gain, colour and lens, which show in a frame's metadata three frames after they were sent. Times are
//   floored to whole rows, gains to codes; 0 lets it expose by itself again, as libcamera has it.
// - pixels from the file $VIRTUAL_FRAME, where it has just the size of a frame: the scene;
// - silence, while there is a file $VIRTUAL_SILENCE: as with a loose cable, no frame is ever complete.
#include <dlfcn.h>
#include <fcntl.h>
#include <libcamera/control_ids.h>
#include <libcamera/libcamera.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <mutex>

using namespace libcamera;

namespace libcamera {
class PipelineHandler {
public:
  void completeBuffer(Request *, FrameBuffer *);
  void completeRequest(Request *);
};
}  // namespace libcamera

namespace {

constexpr int32_t FRAME_US = 33333, ROW_US = 19, AUTOMATIC_US = 12000;
constexpr float AUTOMATIC_GAIN = 1.5f;
constexpr size_t DELAY_FRAMES = 3;

struct Settings {
  int32_t time_us = AUTOMATIC_US;
  float gain = AUTOMATIC_GAIN, lens = 1.0f;
  float colours[2] = {2.0f, 1.6f};
};

Settings shown;                  // what the frame that is read now was exposed with
std::deque<Settings> on_the_way; // what later ones will be
uint64_t next_ns, began_ns;

template <class Function> Function original(const char *name) {
  Function function;
  void *found = dlsym(RTLD_NEXT, name);
  memcpy(&function, &found, sizeof found);
  return function;
}

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

uint64_t frame_ns() { return 1000ull * (shown.time_us > FRAME_US ? shown.time_us : FRAME_US); }

void sleep_until(uint64_t instant_ns) {
  timespec then = {(time_t)(instant_ns / 1000000000ull), (long)(instant_ns % 1000000000ull)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, nullptr)) continue;
}

void draw(FrameBuffer *buffer) {
  const char *path = getenv("VIRTUAL_FRAME");
  size_t size = 0;
  for (auto &plane : buffer->planes()) size += plane.length;
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  struct stat found;
  if (!fstat(file, &found) && (size_t)found.st_size == size) {
    int target = buffer->planes()[0].fd.get();
    char *pixels = (char *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, target, 0);
    if (pixels != MAP_FAILED) {
      for (size_t done = 0; done < size;) {
        ssize_t count = read(file, pixels + done, size - done);
        if (count <= 0) break;
        done += count;
      }
      munmap(pixels, size);
    }
  }
  close(file);
}

int32_t exposed_us(int32_t asked_us) { return asked_us ? asked_us / ROW_US * ROW_US : AUTOMATIC_US; }

// An IMX477's codes, rounded down as libcamera's helper does (0.4, cam_helper_imx477.cpp).
float amplified(float asked) {
  return asked > 0 ? 1024.0f / (1024 - (int)(1024 - 1024 / asked)) : AUTOMATIC_GAIN;
}

Settings changed(Settings settings, const ControlList &asked) {
  if (auto time_us = asked.get(controls::ExposureTime)) settings.time_us = exposed_us(*time_us);
  if (auto gain = asked.get(controls::AnalogueGain)) settings.gain = amplified(*gain);
  if (auto lens = asked.get(controls::LensPosition)) settings.lens = *lens;
  if (auto colours = asked.get(controls::ColourGains)) memcpy(settings.colours, colours->data(), sizeof settings.colours);
  return settings;
}

}  // namespace

void PipelineHandler::completeBuffer(Request *request, FrameBuffer *buffer) {
  static auto complete = original<void (*)(PipelineHandler *, Request *, FrameBuffer *)>(
      "_ZN9libcamera15PipelineHandler14completeBufferEPNS_7RequestEPNS_11FrameBufferE");
  static unsigned sequence;
  uint64_t now = now_ns();
  if (next_ns + 1000000000ull < now) next_ns = now;
  began_ns = next_ns;  // of the read-out of the first row, which is when it ended to be exposed
  next_ns += frame_ns();
  sleep_until(next_ns);
  for (const char *path = getenv("VIRTUAL_SILENCE"); path && !access(path, F_OK);) sleep_until(now_ns() + 10000000);
  draw(buffer);
  auto &metadata = const_cast<FrameMetadata &>(buffer->metadata());
  metadata.status = FrameMetadata::FrameSuccess;
  metadata.sequence = sequence++;
  metadata.timestamp = began_ns;
  for (size_t i = 0; i < metadata.planes().size() && i < buffer->planes().size(); i++)
    metadata.planes()[i].bytesused = buffer->planes()[i].length;
  complete(this, request, buffer);
}

void PipelineHandler::completeRequest(Request *request) {
  static auto complete = original<void (*)(PipelineHandler *, Request *)>(
      "_ZN9libcamera15PipelineHandler15completeRequestEPNS_7RequestE");
  on_the_way.push_back(changed(on_the_way.empty() ? shown : on_the_way.back(), request->controls()));
  auto &metadata = const_cast<ControlList &>(request->metadata());
  metadata.set(controls::SensorTimestamp, (int64_t)began_ns);
  metadata.set(controls::ExposureTime, shown.time_us);
  metadata.set(controls::AnalogueGain, shown.gain);
  metadata.set(controls::DigitalGain, 1.0f);
  metadata.set(controls::LensPosition, shown.lens);
  metadata.set(controls::ColourGains, Span<const float, 2>(shown.colours));
  metadata.set(controls::ColourTemperature, 5000);
  metadata.set(controls::FrameDuration, (int64_t)(frame_ns() / 1000));
  if (on_the_way.size() > DELAY_FRAMES) {
    shown = on_the_way.front();
    on_the_way.pop_front();
  }
  complete(this, request);
}

const ControlInfoMap &Camera::controls() const {
  static auto plain = original<const ControlInfoMap &(*)(const Camera *)>("_ZNK9libcamera6Camera8controlsEv");
  static std::mutex guard;
  static std::map<const Camera *, ControlInfoMap> known;
  std::lock_guard<std::mutex> held(guard);
  auto found = known.find(this);
  if (found != known.end()) return found->second;
  ControlInfoMap::Map offered;
  for (auto const &[name, range] : plain(this)) offered.emplace(name, range);
  auto offer = [&](const ControlId &name, ControlInfo range) { offered.insert_or_assign(&name, range); };
  offer(controls::ExposureTime, ControlInfo(ROW_US, 1000000, 0));
  offer(controls::AnalogueGain, ControlInfo(1.0f, 16.0f, 1.0f));
  offer(controls::AeEnable, ControlInfo(false, true, true));
  offer(controls::AwbEnable, ControlInfo(false, true, true));
  offer(controls::ColourGains, ControlInfo(0.0f, 32.0f, 1.0f));
  offer(controls::LensPosition, ControlInfo(0.0f, 32.0f, 1.0f));
  offer(controls::FrameDurationLimits, ControlInfo((int64_t)FRAME_US, (int64_t)20000000, (int64_t)FRAME_US));
  offer(controls::Sharpness, ControlInfo(0.0f, 16.0f, 1.0f));
  offer(controls::draft::NoiseReductionMode, ControlInfo((int32_t)0, (int32_t)4, (int32_t)0));
  return known.emplace(this, ControlInfoMap(std::move(offered), controls::controls)).first->second;
}
