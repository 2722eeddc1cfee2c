// The finished picture over the background, stretched to the canvas, whose rows run from bottom to top.
uniform highp sampler2D picture;
uniform vec2 canvas;
uniform vec3 background;
out vec4 colour;

void main() {
  ivec2 size = textureSize(picture, 0);
  // Float textures cannot be filtered everywhere, so that is done here.
  vec2 at = vec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y) / canvas * vec2(size) - 0.5;
  ivec2 low = ivec2(floor(at));
  vec2 part = at - vec2(low);
  vec4 seen = vec4(0);
  for (int k = 0; k < 4; k++) {
    ivec2 corner = ivec2(k & 1, k >> 1);
    vec2 weight = mix(1.0 - part, part, vec2(corner));
    seen += weight.x * weight.y * texelFetch(picture, clamp(low + corner, ivec2(0), size - 1), 0);
  }
  colour = vec4(seen.rgb + seen.a * background, 1.0);
}
